/* Lines for the log, of which each part of the transcript writes some. */

#include "explain/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/buffer.h"
#include "cgi/escape.h"
#include "cgi/report.h"
#include "cgi/secret.h"

/* ECMA-48 8.3.117, "select graphic rendition" */
static const char *const colours[] = {
	[TEXT_BOLD] = "1",
	[TEXT_NAME] = "36",
	[TEXT_GOOD] = "32",
	[TEXT_CHANGED] = "33",
	[TEXT_GONE] = "31",
};

static struct {
	bool open, colours;
	struct buffer lines; /* that have not been flushed */
} text;

void
text_open(bool use_colours)
{
	free(text.lines.bytes);
	text.lines = (struct buffer){ 0 };
	text.open = true;
	text.colours = use_colours;
}

/* What is not printable ASCII would drive a terminal, or be of any width. */
static char *
escape(const char *bytes)
{
	struct buffer escaped = { 0 };

	escape_add(&escaped, bytes, true);
	return buffer_take(&escaped, NULL);
}

static void
add_styled(enum text_style style, const char *bytes, size_t length)
{
	if (text.colours && style != TEXT_PLAIN)
		buffer_print(&text.lines, "\33[%sm%.*s\33[m", colours[style],
		    (int)length, bytes);
	else
		buffer_add(&text.lines, bytes, length);
}

/* How much of a text fits into a line: whole words, if there is a space. */
static size_t
measure_line(const char *bytes, size_t room)
{
	size_t length = strlen(bytes), at;

	if (length <= room)
		return length;
	for (at = room; at > 0; at--)
		if (bytes[at] == ' ')
			return at;
	return room;
}

void
text_paragraph(enum text_style style, size_t indent, const char *format, ...)
{
	va_list arguments;
	char *made, *escaped, *rest;
	size_t length;

	if (!text.open)
		return;
	va_start(arguments, format);
	if (vasprintf(&made, format, arguments) == -1)
		made = NULL;
	va_end(arguments);
	if (made == NULL || (escaped = rest = escape(made)) == NULL) {
		text.lines.failed = true;
		free(made);
		return;
	}
	do {
		length = measure_line(rest, TEXT_COLUMNS - indent);
		buffer_print(&text.lines, "%*s", (int)indent, "");
		add_styled(style, rest, length);
		buffer_add_byte(&text.lines, '\n');
		rest += length;
		rest += strspn(rest, " ");
	} while (*rest != '\0');
	free(escaped);
	free(made);
}

/* The end of a value that is too long says how long it was. */
static void
add_value(const char *value, size_t room)
{
	size_t length = strlen(value), shown;
	char tail[48];

	if (length <= room)
		buffer_add(&text.lines, value, length);
	else {
		shown = (size_t)snprintf(
		    tail, sizeof(tail), "... (%zu characters)", length);
		shown = room > shown ? room - shown : 0;
		buffer_print(&text.lines, "%.*s%s", (int)shown, value, tail);
	}
	buffer_add_byte(&text.lines, '\n');
}

/* A long value behind a long name has a line of its own. */
static void
add_pair(
    size_t indent, const char *name, const char *between, const char *value)
{
	size_t used = indent + strlen(name) + strlen(between);

	buffer_print(&text.lines, "%*s", (int)indent, "");
	if (used + strlen(value) > TEXT_COLUMNS && used > TEXT_COLUMNS / 2) {
		add_value(name, TEXT_COLUMNS - indent);
		indent += 4;
		buffer_print(&text.lines, "%*s", (int)indent, "");
		add_value(value, TEXT_COLUMNS - indent);
		return;
	}
	add_styled(TEXT_NAME, name, strlen(name));
	buffer_add_text(&text.lines, between);
	add_value(value, TEXT_COLUMNS - used);
}

void
text_pair(size_t indent, const char *name, size_t length, const char *between,
    const char *value)
{
	char *shown = value == NULL ? strdup(SECRET_MASK)
				    : secret_show(name, length, value),
	     *escaped = shown != NULL ? escape(shown) : NULL,
	     *copy = strndup(name, length),
	     *label = copy != NULL ? escape(copy) : NULL;

	if (text.open && escaped != NULL && label != NULL)
		add_pair(indent, label, between, escaped);
	else
		text.lines.failed = true;
	free(label);
	free(copy);
	free(escaped);
	free(shown);
}

void
text_bar(enum text_style style, const char *label, size_t from, size_t to)
{
	char bar[TEXT_COLUMNS];

	if (!text.open)
		return;
	memset(bar, '#', sizeof(bar));
	buffer_print(&text.lines, "%s%*s", label, (int)from, "");
	add_styled(style, bar, to - from);
	buffer_add_byte(&text.lines, '\n');
}

void
text_flush(void)
{
	static const char failed[] =
	    "[--explain: no memory for what belongs here]\n";
	bool anything = text.lines.length > 0 || text.lines.failed;
	size_t length;
	char *lines = buffer_take(&text.lines, &length);

	if (!text.open || !anything)
		return;
	if (lines != NULL)
		report_write(lines, length);
	else
		report_write(failed, strlen(failed));
	free(lines);
}
