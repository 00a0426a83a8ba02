/* Lines for the log, of which each part of the transcript writes some. */

#include "explain/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/buffer.h"
#include "cgi/escape.h"
#include "cgi/log.h"
#include "cgi/secret.h"
#include "explain/html.h"

#define BAR 45 /* columns of the time line */
#define NAME 28 /* columns before a module's name */

/* ECMA-48 8.3.117, "select graphic rendition" */
static const char *const colours[] = {
	[TEXT_BOLD] = "1",
	[TEXT_NAME] = "36",
	[TEXT_GOOD] = "32",
	[TEXT_CHANGED] = "33",
	[TEXT_GONE] = "31",
};

static struct {
	bool open, page, colours;
	struct buffer lines; /* that have not been flushed */
} text;

void
text_open(bool page, bool use_colours)
{
	free(text.lines.bytes);
	text.lines = (struct buffer){ 0 };
	text.open = true;
	text.page = page;
	text.colours = use_colours && !page;
	if (page)
		html_begin();
}

/* Only printable ASCII is known to be one column wide, and to do no harm. */
static char *
escape(const char *bytes)
{
	struct buffer escaped = { 0 };

	escape_add(&escaped, bytes, "", true);
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
	if (text.page) {
		(indent == TEXT_REMARK ? html_remark : html_paragraph)(
		    &text.lines, style, escaped);
		rest += strlen(rest);
	}
	while (*rest != '\0') {
		length = measure_line(rest, TEXT_COLUMNS - indent);
		buffer_print(&text.lines, "%*s", (int)indent, "");
		add_styled(style, rest, length);
		buffer_add_byte(&text.lines, '\n');
		rest += length;
		rest += strspn(rest, " ");
	}
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

	if (escaped == NULL || label == NULL)
		text.lines.failed = true;
	else if (text.page)
		html_pair(&text.lines, label, between, escaped);
	else if (text.open)
		add_pair(indent, label, between, escaped);
	free(label);
	free(copy);
	free(escaped);
	free(shown);
}

void
text_station(double milliseconds, const char *title)
{
	if (text.page)
		html_station(&text.lines, milliseconds, title);
	else
		text_paragraph(
		    TEXT_BOLD, 0, "[%8.1f ms] %s", milliseconds, title);
}

void
text_phase(const struct text_phase *phase)
{
	/* Even the shortest has a column. */
	size_t from = (size_t)(phase->before * (BAR - 1)),
	       to = (size_t)((phase->before + phase->share) * (BAR - 1)) + 1;
	char bar[BAR];

	if (text.page) {
		html_phase(&text.lines, phase);
		return;
	}
	memset(bar, '#', sizeof(bar));
	buffer_print(&text.lines, "    %-11s %8.1f ms %3d %%  %*s", phase->name,
	    phase->milliseconds, phase->percent, (int)from, "");
	add_styled(phase->style, bar, to - from);
	buffer_add_byte(&text.lines, '\n');
}

void
text_modules(void)
{
	if (text.page)
		html_modules(&text.lines);
	else
		text_paragraph(TEXT_BOLD, 4, "      all     itself  module");
}

void
text_module(const struct text_module *module)
{
	const char *failed = module->failed ? " (failed)" : "";
	int depth = module->depth;

	if (text.page) {
		html_module(&text.lines, module);
		return;
	}
	/* The name stays in its line. */
	while (depth > 0 &&
	    NAME + 2 * (size_t)depth + strlen(module->name) + strlen(failed) >
		TEXT_COLUMNS)
		depth--;
	text_paragraph(TEXT_PLAIN, 4, "%7.1f ms %7.1f ms  %*s%s%s", module->all,
	    module->own, 2 * depth, "", module->name, failed);
}

static const char no_memory[] =
    "[--explain: no memory for what belongs here]\n";

void
text_flush(void)
{
	size_t length;
	char *lines;

	if (!text.open || text.page ||
	    (text.lines.length == 0 && !text.lines.failed))
		return;
	lines = buffer_take(&text.lines, &length);
	if (lines != NULL)
		log_write(lines, length);
	else
		log_write(no_memory, strlen(no_memory));
	free(lines);
}

bool
text_finish_page(int descriptor, const char *log)
{
	struct buffer shown = { 0 };
	size_t length, done = 0;
	ssize_t n = 0;
	char *page;

	if (!text.page)
		return false;
	escape_add(&shown, log != NULL ? log : "", "\n", false);
	html_end(&text.lines, shown.bytes);
	text.lines.failed |= shown.failed;
	free(shown.bytes);
	text.page = false;
	page = buffer_take(&text.lines, &length);
	if (page == NULL)
		length = strlen(no_memory);
	for (; done < length && n != -1; done += (size_t)n)
		while ((n = write(descriptor, (page ? page : no_memory) + done,
			    length - done)) == -1 &&
		    errno == EINTR)
			;
	free(page);
	return page != NULL;
}
