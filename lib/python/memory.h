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
 * Has end() called when Python asks for memory in vain for ever, as 3.11 to
 * 3.13 do where none is left in a with block: to leave it they need a number,
 * and if there is no memory for that, they try again. For a process where
 * Python is about to start.
 */
void memory_end_loops(void (*end)(void));

/*
 * In a process that is to be saved: takes what was freed here and there, so
 * that each process from its image gets new memory side by side, in few pages.
 */
void memory_use_up(void);

#endif
