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

/*
 * The length of the character that begins there, of so many bytes, or 0 if it
 * is to be hidden.
 */
static size_t
measure_character(const unsigned char *text, size_t size)
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

	if (length > size)
		return 0;
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

/* What stands for it in HTML, in attributes, too, or NULL: itself. */
static const char *
find_entity(char c)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '"': return "&quot;";
	default: return NULL;
	}
}

static void
add_hidden(struct buffer *to, unsigned char byte)
{
	static const char digit[] = "0123456789abcdef";
	const char hidden[] = { '\\', 'x', digit[byte >> 4], digit[byte & 15] };

	buffer_add(to, hidden, sizeof(hidden));
}

/* What stays as it is goes there in one piece. */
static void
add_safe(struct buffer *to, const char *text, size_t size, const char *allowed,
    bool ascii_only, bool html)
{
	const char *end = text + size, *piece = text, *entity;
	size_t length;

	for (; text < end; text += length) {
		length = measure_character(
		    (const unsigned char *)text, (size_t)(end - text));
		if (length > 1 && ascii_only)
			length = 0;
		else if (length == 0 && strchr(allowed, *text) != NULL)
			length = 1;
		entity = html ? find_entity(*text) : NULL;
		if (length > 0 && entity == NULL)
			continue;
		buffer_add(to, piece, (size_t)(text - piece));
		if (entity != NULL)
			buffer_add_text(to, entity);
		else
			add_hidden(to, (unsigned char)*text);
		length = 1;
		piece = text + 1;
	}
	buffer_add(to, piece, (size_t)(end - piece));
}

void
escape_add_html(struct buffer *to, const char *text, size_t size)
{
	add_safe(to, text, strnlen(text, size), "\n\t", false, true);
}

void
escape_add(
    struct buffer *to, const char *text, const char *allowed, bool ascii_only)
{
	add_safe(to, text, strlen(text), allowed, ascii_only, false);
}
