/* Neither makes a path longer, so both write over what was read. */

#include <string.h>

#include "cgi/ascii.h"
#include "cgi/url.h"

static int
hex_digit(char c)
{
	return ascii_is_digit(c) ? c - '0' : ascii_lower(c) - 'a' + 10;
}

void
url_decode(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++)
		if (*text == '%' && ascii_is_hex_digit(text[1]) &&
		    ascii_is_hex_digit(text[2]) &&
		    strncmp(text, "%00", 3) != 0) {
			*to++ = (char)(hex_digit(text[1]) << 4 |
			    hex_digit(text[2]));
			text += 2;
		} else
			*to++ = *text;
	*to = '\0';
}

void
url_normalize(char *path)
{
	char *to = path, *from = path;
	size_t length;
	int open = 1; /* the path ends in a slash */

	while (*from != '\0') {
		from += strspn(from, "/");
		length = strcspn(from, "/");
		open = length == 0 || strncmp(from, "..", length) == 0;
		if (length == 2 && open)
			while (to > path && *--to != '/')
				;
		else if (!open) {
			*to++ = '/';
			memmove(to, from, length);
			to += length;
		}
		from += length;
	}
	if (open)
		*to++ = '/';
	*to = '\0';
}
