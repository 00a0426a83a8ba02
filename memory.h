/* Where the program's variables and Python's objects lie. */
#ifndef MEMORY_H
#define MEMORY_H

/*
 * Has pages of all variables at once, and Python's objects in huge pages: a few
 * page faults instead of hundreds. For a process that has just begun; changes
 * nothing where memory is limited, and little where the kernel refuses.
 */
void memory_gather(void);

#endif
