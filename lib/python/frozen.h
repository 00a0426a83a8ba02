/* Modules of the standard library inside the program. */
#ifndef PYTHON_FROZEN_H
#define PYTHON_FROZEN_H

/* Before Python starts: its start then opens no file of the library. */
void frozen_install(void);

#endif
