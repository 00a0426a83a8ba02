/* The grammar of status and header lines. */

#include <stdbool.h>
#include <string.h>

#include "cgi/ascii.h"
#include "cgi/header.h"

/*
 * RFC 2616 13.5.1, as wsgiref has it: they belong to the connection, which is
 * the server's.
 */
static const char *const hop_by_hop[] = { "Connection", "Keep-Alive",
	"Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailers",
	"Transfer-Encoding", "Upgrade" };

static bool
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* RFC 9110 5.6.2 */
static bool
is_token(char c)
{
	return ascii_is_letter(c) || ascii_is_digit(c) ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

const char *
header_check_status(const char *status, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (is_control(status[i]))
			return "a status has no control characters";
	if (length < 3 || status[0] < '1' || status[0] > '9' ||
	    !ascii_is_digit(status[1]) || !ascii_is_digit(status[2]) ||
	    (length > 3 && status[3] != ' '))
		return "a status is three digits from 100 to 999, a space "
		       "and a reason, as in '200 OK'";
	return NULL;
}

const char *
header_check_name(const char *name, size_t length)
{
	size_t i;

	if (length == 0)
		return "a header name is not empty";
	for (i = 0; i < length; i++)
		if (!is_token(name[i]))
			return "a header name has only letters, digits and "
			       "!#$%&'*+-.^_`|~ (RFC 9110 5.1)";
	for (i = 0; i < sizeof(hop_by_hop) / sizeof(*hop_by_hop); i++)
		if (ascii_equal_text(name, length, hop_by_hop[i]))
			return "hop-by-hop headers belong to the server "
			       "(PEP 3333)";
	if (ascii_equal_text(name, length, "Status"))
		return "the status is start_response's first argument, "
		       "not a header";
	return NULL;
}

const char *
header_check_value(const char *value, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (is_control(value[i]) && value[i] != '\t')
			return "a header value has no control characters "
			       "(RFC 9110 5.5)";
	return NULL;
}

const char *
header_trim(const char *value, size_t *length)
{
	while (*length > 0 && (*value == ' ' || *value == '\t')) {
		value++;
		--*length;
	}
	while (*length > 0 &&
	    (value[*length - 1] == ' ' || value[*length - 1] == '\t'))
		--*length;
	return value;
}

int
header_read_length(const char *text, size_t length, int64_t *result)
{
	size_t i;

	*result = 0;
	for (i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9' ||
		    *result > (INT64_MAX - (text[i] - '0')) / 10)
			return -1;
		*result = *result * 10 + (text[i] - '0');
	}
	return length > 0 ? 0 : -1;
}
