/* Where the program's variables and Python's objects lie. */
#ifndef PYTHON_MEMORY_H
#define PYTHON_MEMORY_H

/*
 * Has pages of all variables but frozen_spare()'s at once, and Python's objects
 * in huge pages: a few page faults instead of hundreds. For a process that has
 * just begun; changes nothing where memory is limited, and little where the
 * kernel refuses.
 */
void memory_gather(void);

/* Has pages of the variables between at once, in a process that runs. */
void memory_fetch(char *start, char *end);

#endif
