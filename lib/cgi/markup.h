/*
 * HTML of the program's own pages: they share a style, need nothing from
 * elsewhere and no script, and escape what they are given.
 */
#ifndef CGI_MARKUP_H
#define CGI_MARKUP_H

#include "cgi/buffer.h"

/*
 * Begins a page with its title as heading, and with rules of its own for the
 * style; what follows is its content.
 */
void markup_begin(struct buffer *, const char *title, const char *own_rules);
void markup_end(struct buffer *);

/* Adds a text from elsewhere; escape_add_html() does so with a part of it. */
void markup_add(struct buffer *, const char *text);

#endif
