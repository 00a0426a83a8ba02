/* Text from elsewhere, made safe for a log, a terminal or a page. */
#ifndef CGI_ESCAPE_H
#define CGI_ESCAPE_H

#include <stdbool.h>

#include "cgi/buffer.h"

/*
 * Adds a text of which every byte that would forge a line, drive a terminal or
 * turn the direction of writing becomes \xNN: what is no printable character
 * of UTF-8, and with ascii_only what is none of ASCII. The control characters
 * of allowed stay.
 */
void escape_add(
    struct buffer *, const char *text, const char *allowed, bool ascii_only);

/*
 * Adds a text, size bytes of it at most, whose markup an HTML page shows, in
 * attributes, too. Line ends and tabulators stay.
 */
void escape_add_html(struct buffer *, const char *text, size_t size);

#endif
