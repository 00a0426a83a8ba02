/*
 * The status comes first for a client, wherever it stands for a server; the
 * other header lines stay as they are.
 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/ascii.h"
#include "cgi/buffer.h"
#include "terminal/response.h"

static const char http[] = "HTTP/";

struct line {
	const char *start;
	size_t length; /* without its end */
};

/* Takes a line; *at becomes what follows, or NULL: its end is missing. */
static struct line
take_line(const char **at, const char *end)
{
	const char *feed = memchr(*at, '\n', (size_t)(end - *at));
	struct line line = { .start = *at };

	*at = feed != NULL ? feed + 1 : NULL;
	if (feed == NULL)
		return line;
	if (feed > line.start && feed[-1] == '\r')
		feed--;
	line.length = (size_t)(feed - line.start);
	return line;
}

/* The length of the head with its empty line, or 0. */
static size_t
measure_head(const char *bytes, size_t size)
{
	const char *at = bytes;
	struct line line;

	do
		line = take_line(&at, bytes + size);
	while (at != NULL && line.length > 0);
	return at != NULL ? (size_t)(at - bytes) : 0;
}

/* Three digits, and nothing or a space and a reason. */
static int
read_status(struct terminal_response *answer, const char *text, size_t length)
{
	int i;

	if (length < 3 || (length > 3 && text[3] != ' '))
		return -1;
	for (answer->status = i = 0; i < 3; i++) {
		if (!ascii_is_digit(text[i]))
			return -1;
		answer->status = 10 * answer->status + text[i] - '0';
	}
	return answer->status < 100 ? -1 : 0;
}

static bool
is_line_of(const struct line *line, const char *name)
{
	size_t length = strlen(name);

	return line->length > length && line->start[length] == ':' &&
	    ascii_begins(line->start, name, length);
}

/* The value of a header line. */
static struct line
find_value(const struct line *line)
{
	const char *colon = memchr(line->start, ':', line->length);
	struct line value = { .start = colon + 1 };

	value.length = line->length - (size_t)(value.start - line->start);
	while (value.length > 0 && strchr(" \t", *value.start) != NULL) {
		value.start++;
		value.length--;
	}
	return value;
}

static bool
is_header(const struct line *line)
{
	const char *colon = memchr(line->start, ':', line->length);

	return colon != NULL && colon > line->start &&
	    memchr(line->start, '\0', line->length) == NULL;
}

/* RFC 3875 6.3.3: Status may stand anywhere; 6.2.3: Location means 302. */
static int
find_status(
    struct terminal_response *answer, const char *bytes, struct line *status)
{
	struct line line, otherwise = { "200 OK", 6 };
	const char *at = bytes;

	status->start = NULL;
	while (line = take_line(&at, bytes + answer->size), line.length > 0) {
		if (!is_header(&line))
			return -1;
		if (is_line_of(&line, "Status"))
			*status = find_value(&line);
		else if (is_line_of(&line, "Location"))
			otherwise = (struct line){ "302 Found", 9 };
	}
	if (status->start == NULL)
		*status = otherwise;
	return read_status(answer, status->start, status->length);
}

static int
translate_head(struct terminal_response *answer, const char *bytes)
{
	struct buffer head = { 0 };
	struct line line, status;
	const char *at = bytes;

	if (find_status(answer, bytes, &status) == -1)
		return -1;
	buffer_add_text(&head, "HTTP/1.1 ");
	buffer_add(&head, status.start, status.length);
	buffer_add_text(&head, "\r\n");
	while (line = take_line(&at, bytes + answer->size), line.length > 0)
		if (!is_line_of(&line, "Status")) {
			buffer_add(&head, line.start, line.length);
			buffer_add_text(&head, "\r\n");
		}
	buffer_add_text(&head, "\r\n");
	answer->head = buffer_take(&head, &answer->length);
	return answer->head != NULL ? 1 : -1;
}

/* RFC 9112 4: the server passes it on as it is. */
static int
copy_head(struct terminal_response *answer, const char *bytes)
{
	const char *at = bytes, *space;
	struct line line = take_line(&at, bytes + answer->size);

	space = memchr(line.start, ' ', line.length);
	if (space == NULL ||
	    read_status(answer, space + 1,
		line.length - (size_t)(space + 1 - line.start)) == -1 ||
	    (answer->head = malloc(answer->size)) == NULL)
		return -1;
	memcpy(answer->head, bytes, answer->size);
	answer->length = answer->size;
	return 1;
}

int
terminal_response_read(
    struct terminal_response *answer, const char *bytes, size_t size)
{
	*answer =
	    (struct terminal_response){ .size = measure_head(bytes, size) };
	if (answer->size < sizeof("\r\n")) /* no head, or no header in it */
		return answer->size == 0 ? 0 : -1;
	return answer->size > strlen(http) &&
		memcmp(bytes, http, strlen(http)) == 0
	    ? copy_head(answer, bytes)
	    : translate_head(answer, bytes);
}
