/*
 * Letters and digits of protocols, which are ASCII whatever the locale says:
 * strcasecmp() in Turkish finds "CONNECTION" and "connection" different.
 */
#ifndef CGI_ASCII_H
#define CGI_ASCII_H

#include <stdbool.h>
#include <stddef.h>

bool ascii_is_digit(char c);
bool ascii_is_letter(char c);
bool ascii_is_hex_digit(char c);

/* What is no letter of the other case stays as it is. */
char ascii_lower(char c);
char ascii_upper(char c);

/* Whether two texts are the same but for capital letters. */
bool ascii_equal(const char *, const char *);

/* Whether size bytes are this text but for capital letters. */
bool ascii_equal_text(const char *bytes, size_t size, const char *text);

/* Whether a text begins with these size bytes, but for capital letters. */
bool ascii_begins(const char *text, const char *beginning, size_t size);

/*
 * What base64 (RFC 4648 4) makes of a NUL-terminated text of size bytes inside
 * a longer one, with before bytes before it: only the characters that do not
 * depend on its surroundings. Returns memory to be freed, or NULL.
 */
char *ascii_base64(const char *bytes, size_t size, size_t before);

/* The first place of a text in another, but for capital letters, or NULL. */
const char *ascii_find(const char *in, const char *text);

#endif
