/* Where the program's variables and Python's objects lie. */
#ifndef MEMORY_H
#define MEMORY_H

/*
 * Moves all variables into one huge page, and has Python's objects come into
 * others: a few page faults instead of hundreds. For a process that has just
 * begun; changes nothing where memory is limited or there are no huge pages.
 */
void memory_gather(void);

#endif
