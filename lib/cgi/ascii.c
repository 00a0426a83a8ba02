/* <ctype.h> and <strings.h> ask the locale, which an application may set. */

#include <stdlib.h>
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

char
ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

bool
ascii_equal(const char *one, const char *other)
{
	return ascii_equal_text(one, strlen(one), other);
}

bool
ascii_equal_text(const char *bytes, size_t size, const char *text)
{
	return strlen(text) == size && ascii_begins(bytes, text, size);
}

bool
ascii_begins(const char *text, const char *beginning, size_t size)
{
	size_t i;

	/* A text that ends earlier differs in its NUL. */
	for (i = 0; i < size; i++)
		if (ascii_lower(text[i]) != ascii_lower(beginning[i]))
			return false;
	return true;
}

const char *
ascii_find(const char *in, const char *text)
{
	for (; !ascii_begins(in, text, strlen(text)); in++)
		if (*in == '\0')
			return NULL;
	return in;
}

char *
ascii_base64(const char *bytes, size_t size, size_t before)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = malloc(size * 4 / 3 + 1), *to = text;
	size_t bit, byte;
	unsigned both;

	/* Each has six bits of two bytes; the text's NUL follows the last. */
	for (bit = (6 - 8 * before % 6) % 6;
	     text != NULL && bit + 6 <= 8 * size; bit += 6) {
		byte = bit / 8;
		both = (unsigned)(unsigned char)bytes[byte] << 8 |
		    (unsigned char)bytes[byte + 1];
		*to++ = digits[both >> (10 - bit % 8) & 63];
	}
	if (text != NULL)
		*to = '\0';
	return text;
}
