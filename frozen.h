/* Modules of the standard library inside the program. */
#ifndef FROZEN_H
#define FROZEN_H

/* Before Python starts: its start then opens no file of the library. */
void frozen_install(void);

#endif
