/* Where the program's variables and Python's objects lie. */
#ifndef MEMORY_H
#define MEMORY_H

/*
 * Moves all variables into one huge page, and Python's first objects behind
 * them: one page fault instead of hundreds. To be called before anything keeps
 * track of memory; changes nothing where the system has no huge pages.
 */
void memory_gather(void);

#endif
