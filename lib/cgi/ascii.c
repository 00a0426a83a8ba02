/* <ctype.h> and <strings.h> ask the locale, which an application may set. */

#include <string.h>

#include "cgi/ascii.h"

bool
ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
ascii_is_letter(char c)
{
	return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

bool
ascii_is_hex_digit(char c)
{
	return ascii_is_digit(c) ||
	    (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
ascii_equal(const char *one, const char *other)
{
	return ascii_equal_text(one, strlen(one), other);
}

bool
ascii_equal_text(const char *bytes, size_t size, const char *text)
{
	return strlen(text) == size && (size == 0 || ascii_begins(bytes, text));
}

bool
ascii_begins(const char *text, const char *beginning)
{
	for (; *beginning != '\0'; text++, beginning++)
		if (ascii_lower(*text) != ascii_lower(*beginning))
			return false;
	return true;
}

const char *
ascii_find(const char *in, const char *text)
{
	for (; !ascii_begins(in, text); in++)
		if (*in == '\0')
			return NULL;
	return in;
}
