/* One rule, kept apart because two units need it. */

#include <ctype.h>
#include <string.h>

#include "url.h"

static int
hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' :
	    tolower((unsigned char)c) - 'a' + 10;
}

void
url_decode(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++)
		if (*text == '%' && isxdigit((unsigned char)text[1]) &&
		    isxdigit((unsigned char)text[2]) &&
		    strncmp(text, "%00", 3) != 0) {
			*to++ = (char)(hex_digit(text[1]) << 4 |
			    hex_digit(text[2]));
			text += 2;
		} else
			*to++ = *text;
	*to = '\0';
}
