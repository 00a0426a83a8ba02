/* The user's own code comes first: what libraries did in between is folded. */

#include <stdlib.h>
#include <string.h>

#include "cgi/debug.h"
#include "cgi/escape.h"
#include "cgi/markup.h"
#include "cgi/secret.h"
#include "cgi/trace.h"

#define LONG 300 /* bytes of a line: environ is longer */
#define SHOWN 60 /* bytes of it that are not folded */

char *
debug_title(const char *failure, const char *trace)
{
	const char *line, *title = failure;

	/* The exception's own lines are not indented; one ends the text. */
	for (line = trace; *line != '\0'; line += strspn(line, "\n")) {
		if (strchr(" \n", *line) == NULL)
			title = line;
		line += strcspn(line, "\n");
	}
	return strndup(title, strcspn(title, "\n"));
}

/* A line that is too long to be read is folded. */
static void
add_line(struct buffer *to, const char *line, size_t length)
{
	size_t shown = SHOWN;

	if (length > LONG) {
		while (shown > 0 && ((unsigned char)line[shown] & 0xc0) == 0x80)
			shown--;
		buffer_add_text(to, "</pre><details><summary>");
		escape_add_html(to, line, shown);
		buffer_add_text(to, "...</summary><pre>");
	}
	escape_add_html(to, line, length);
	buffer_add_text(to, length > LONG ? "</pre></details><pre>" : "\n");
}

static void
add_frame(struct buffer *to, const struct trace_frame *frame)
{
	const char *line = frame->body, *end = frame->body + frame->length;
	size_t length;

	buffer_add_text(to, "<p><code>");
	escape_add_html(to, frame->file, frame->file_length);
	buffer_add_text(to, ", line ");
	escape_add_html(to, frame->line, frame->line_length);
	buffer_add_text(to, frame->name_length > 0 ? ", in " : "");
	escape_add_html(to, frame->name, frame->name_length);
	buffer_add_text(to, "</code></p>\n<pre>");
	for (; line < end; line += length + 1) {
		length = strcspn(line, "\n");
		add_line(to, line, length);
	}
	buffer_add_text(to, "</pre>\n");
}

/* Those between two of the user's own; returns the text behind them. */
static const char *
add_library_frames(struct buffer *to, struct trace_frame *frame)
{
	struct buffer frames = { 0 };
	const char *behind = frame->start;
	int count = 0;

	while (!frame->own && frame->start == behind) {
		add_frame(&frames, frame);
		count++;
		behind = frame->body + frame->length;
		if (!trace_find(behind, frame))
			break;
	}
	buffer_print(to, "<details><summary>%d call%s in libraries</summary>\n",
	    count, count == 1 ? "" : "s");
	to->failed |= frames.failed;
	if (frames.bytes != NULL)
		buffer_add(to, frames.bytes, frames.length);
	free(frames.bytes);
	buffer_add_text(to, "</details>\n");
	return behind;
}

static void
add_text(struct buffer *to, const char *text, size_t length)
{
	if (strspn(text, "\n") >= length)
		return;
	buffer_add_text(to, "<pre>");
	escape_add_html(to, text, length);
	buffer_add_text(to, "</pre>\n");
}

static void
add_trace(struct buffer *to, const char *trace)
{
	struct trace_frame frame;

	while (trace_find(trace, &frame)) {
		add_text(to, trace, (size_t)(frame.start - trace));
		if (frame.own) {
			add_frame(to, &frame);
			trace = frame.body + frame.length;
		} else
			trace = add_library_frames(to, &frame);
	}
	add_text(to, trace, strlen(trace));
}

static void
add_variables(struct buffer *to, const struct request *request)
{
	const struct variable *v;
	char *value;
	size_t i;

	buffer_add_text(
	    to, "<h2>The request's variables</h2>\n<div class=\"close\">\n");
	for (i = 0; i < request->count; i++) {
		v = &request->variables[i];
		if (v->value == NULL)
			continue;
		value = secret_show(v->name, v->length, v->value);
		buffer_add_text(to, "<p><code><span class=\"name\">");
		escape_add_html(to, v->name, v->length);
		buffer_add_text(to, "</span>=");
		markup_add(to, value != NULL ? value : SECRET_MASK);
		buffer_add_text(to, "</code></p>\n");
		free(value);
	}
	buffer_add_text(to, "</div>\n");
}

void
debug_add(struct buffer *to, const char *failure, const char *trace,
    const struct request *request)
{
	struct trace_frame own;

	buffer_add_text(to,
	    "<p class=\"gone\">Everyone who asks for this page sees this: take "
	    "--debug away before the site is for others.</p>\n<p>");
	markup_add(to, failure);
	buffer_add_text(to, "</p>\n");
	if (trace_find_innermost(trace, &own) && own.own) {
		buffer_add_text(to, "<h2>Where it was in your code</h2>\n");
		add_frame(to, &own);
	}
	if (*trace != '\0') {
		buffer_add_text(to, "<h2>How it came there</h2>\n");
		add_trace(to, trace);
	}
	add_variables(to, request);
}
