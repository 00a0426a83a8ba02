/* A paper in memory, which goes to the log as a whole. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain/text.h"
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
	FILE *paper;
	char *written;
	size_t length;
} pen;

void
text_open(bool use_colours)
{
	pen.open = true;
	pen.colours = use_colours;
}

static FILE *
paper(void)
{
	if (pen.paper == NULL && pen.open)
		pen.paper = open_memstream(&pen.written, &pen.length);
	return pen.paper;
}

/* What is not printable ASCII would drive a terminal, or be of any width. */
static char *
escape(const char *text)
{
	char *escaped;
	size_t length;
	FILE *to = open_memstream(&escaped, &length);

	if (to == NULL)
		return NULL;
	for (; *text != '\0'; text++)
		if (*text >= ' ' && *text <= '~')
			putc(*text, to);
		else
			fprintf(to, "\\x%02x", (unsigned char)*text);
	return fclose(to) == 0 ? escaped : NULL;
}

static void
put_styled(enum text_style style, const char *text, size_t length)
{
	if (pen.colours && style != TEXT_PLAIN)
		fprintf(pen.paper, "\33[%sm%.*s\33[m", colours[style],
		    (int)length, text);
	else
		fwrite(text, 1, length, pen.paper);
}

static void
put_line(enum text_style style, size_t indent, const char *text, size_t length)
{
	fprintf(pen.paper, "%*s", (int)indent, "");
	put_styled(style, text, length);
	putc('\n', pen.paper);
}

/* How much of a text fits into a line: whole words, if there is a space. */
static size_t
fitting(const char *text, size_t room)
{
	size_t length = strlen(text), at;

	if (length <= room)
		return length;
	for (at = room; at > 0; at--)
		if (text[at] == ' ')
			return at;
	return room;
}

void
text_text(enum text_style style, size_t indent, const char *format, ...)
{
	va_list arguments;
	char *text = NULL, *escaped = NULL, *rest;
	size_t length;

	if (paper() == NULL)
		return;
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) == -1)
		text = NULL;
	va_end(arguments);
	if (text != NULL && (escaped = rest = escape(text)) != NULL)
		do {
			length = fitting(rest, TEXT_COLUMNS - indent);
			put_line(style, indent, rest, length);
			rest += length;
			rest += strspn(rest, " ");
		} while (*rest != '\0');
	free(escaped);
	free(text);
}

/* The end of a value that is too long says how long it was. */
static void
put_value(const char *value, size_t room)
{
	size_t length = strlen(value), shown;
	char tail[32];

	if (length <= room)
		fputs(value, pen.paper);
	else {
		shown = (size_t)snprintf(
		    tail, sizeof(tail), "... (%zu characters)", length);
		shown = room > shown ? room - shown : 0;
		fprintf(pen.paper, "%.*s%s", (int)shown, value, tail);
	}
	putc('\n', pen.paper);
}

static void
put_pair(
    size_t indent, const char *name, const char *between, const char *value)
{
	size_t used = indent + strlen(name) + strlen(between);

	fprintf(pen.paper, "%*s", (int)indent, "");
	if (used + strlen(value) > TEXT_COLUMNS && used > TEXT_COLUMNS / 2) {
		put_value(name, TEXT_COLUMNS - indent);
		indent += 4;
		fprintf(pen.paper, "%*s", (int)indent, "");
		put_value(value, TEXT_COLUMNS - indent);
		return;
	}
	put_styled(TEXT_NAME, name, strlen(name));
	fputs(between, pen.paper);
	put_value(value, TEXT_COLUMNS - used);
}

void
text_pair(size_t indent, const char *name, size_t length, const char *between,
    const char *value)
{
	char *hidden = secret_show(name, length, value),
	     *shown = hidden != NULL ? escape(hidden) : NULL,
	     *copy = strndup(name, length),
	     *label = copy != NULL ? escape(copy) : NULL;

	if (paper() != NULL && shown != NULL && label != NULL)
		put_pair(indent, label, between, shown);
	free(label);
	free(copy);
	free(shown);
	free(hidden);
}

void
text_bar(enum text_style style, const char *label, size_t from, size_t to)
{
	char bar[TEXT_COLUMNS];

	if (paper() == NULL)
		return;
	memset(bar, '#', sizeof(bar));
	fprintf(pen.paper, "%s%*s", label, (int)from, "");
	put_styled(style, bar, to - from);
	putc('\n', pen.paper);
}

void
text_lift(void)
{
	if (pen.paper == NULL)
		return;
	if (fclose(pen.paper) == 0)
		report_write(pen.written, pen.length);
	free(pen.written);
	pen.paper = NULL;
	pen.written = NULL;
}
