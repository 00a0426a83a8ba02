/* UTF-8 as RFC 3629 has it: the shortest form only, and no surrogates. */

#include <stddef.h>
#include <string.h>

#include "cgi/escape.h"

/* Control characters and marks that reorder what stands around them. */
static bool
is_dangerous(unsigned long c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c ||
	    (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

/* The length of the character that begins there, or 0 if it is to be hidden. */
static size_t
measure_character(const unsigned char *text)
{
	static const unsigned long least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = text[0] < 0x80 ? 1
	    : text[0] < 0xc2           ? 0
	    : text[0] < 0xe0           ? 2
	    : text[0] < 0xf0           ? 3
	    : text[0] < 0xf5           ? 4
				       : 0,
	       i;
	unsigned long c = length < 2 ? text[0] : text[0] & (0x7fU >> length);

	for (i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (text[i] & 0x3f);
	}
	if (length == 0 || c < least[length] || c > 0x10ffff ||
	    (c >= 0xd800 && c < 0xe000) || is_dangerous(c))
		return 0;
	return length;
}

void
escape_add_html(struct buffer *to, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&': buffer_add_text(to, "&amp;"); break;
		case '<': buffer_add_text(to, "&lt;"); break;
		case '>': buffer_add_text(to, "&gt;"); break;
		case '"': buffer_add_text(to, "&quot;"); break;
		default: buffer_add_byte(to, *text);
		}
}

void
escape_add(
    struct buffer *to, const char *text, const char *allowed, bool ascii_only)
{
	size_t length;

	for (; *text != '\0'; text += length > 0 ? length : 1) {
		length = measure_character((const unsigned char *)text);
		if (length > 1 && ascii_only)
			length = 0;
		else if (strchr(allowed, *text) != NULL)
			length = 1;
		if (length == 0)
			buffer_print(to, "\\x%02x", (unsigned char)*text);
		else
			buffer_add(to, text, length);
	}
}
