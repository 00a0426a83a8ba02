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

/* What is no capital letter stays as it is. */
char ascii_lower(char c);

/* Whether two texts are the same but for capital letters. */
bool ascii_equal(const char *, const char *);

/* Whether size bytes are this text but for capital letters. */
bool ascii_equal_text(const char *bytes, size_t size, const char *text);

/* Whether a text begins with this one, whatever its capital letters. */
bool ascii_begins(const char *text, const char *beginning);

/* The first place of a text in another, whatever capital letters, or NULL. */
const char *ascii_find(const char *in, const char *text);

#endif
