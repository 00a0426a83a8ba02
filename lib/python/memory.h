/* Where the program's variables and Python's objects lie. */
#ifndef PYTHON_MEMORY_H
#define PYTHON_MEMORY_H

/*
 * Has the pages of all variables at once, and Python's objects in huge pages: a
 * few page faults instead of hundreds. For a process that has just begun.
 * Changes nothing where memory is limited, and little where the kernel refuses.
 */
void memory_gather(void);

/*
 * In a process that is to be saved: takes what was freed here and there, so
 * that each process from its image gets new memory side by side, in few pages.
 */
void memory_use_up(void);

#endif
