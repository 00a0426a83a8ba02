/* Where the program's variables and Python's objects lie. */
#ifndef PYTHON_MEMORY_H
#define PYTHON_MEMORY_H

/*
 * Has the pages of all variables at once, and Python's objects in huge pages: a
 * few page faults instead of hundreds. The variables from spare to spare_end
 * are left out; where both are equal, none are. For a process that has just
 * begun. Changes nothing where memory is limited, and little where the kernel
 * refuses.
 */
void memory_gather(const char *spare, const char *spare_end);

/* Has pages of the variables between at once, in a process that runs. */
void memory_fetch(char *start, char *end);

#endif
