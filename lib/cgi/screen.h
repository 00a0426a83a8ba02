/* Whether a person looks at a descriptor, and how much that person sees. */
#ifndef CGI_SCREEN_H
#define CGI_SCREEN_H

#include <stdbool.h>

/*
 * Whether it is a terminal that has colours, and nobody minds: TERM, and
 * NO_COLOR as no-color.org has it.
 */
bool screen_has_colours(int descriptor);

/* How many columns the terminal has: 80 if it does not say, 0 if it is none. */
int screen_columns(int descriptor);

#endif
