/* Where the program's variables and Python's objects lie. */
#ifndef PYTHON_MEMORY_H
#define PYTHON_MEMORY_H

/*
 * Has the pages of all variables at once, and Python's objects in huge pages: a
 * few page faults instead of hundreds. For a process that has just begun.
 * Changes nothing where memory is limited, and little where the kernel refuses.
 */
void memory_gather(void);

#endif
