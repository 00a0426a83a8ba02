/* Modules of the standard library inside the program. */
#ifndef PYTHON_FROZEN_H
#define PYTHON_FROZEN_H

/* Before Python starts: its start then opens no file of the library. */
void frozen_install(void);

/*
 * Where the variables of frozen modules lie that a start does not import; they
 * are fetched when os is. Empty where that is not known.
 */
void frozen_spare(char **start, char **end);

#endif
