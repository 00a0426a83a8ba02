/* Where the program's variables and Python's objects lie. */
#ifndef MEMORY_H
#define MEMORY_H

/*
 * Moves variables into a huge page, and Python's first objects behind them; if
 * there are many, the others come into huge pages, too: a few page faults
 * instead of hundreds. For a process that has just begun; changes nothing where
 * memory is limited or there are no huge pages.
 */
void memory_gather(void);

#endif
