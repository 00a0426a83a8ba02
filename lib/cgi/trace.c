/*
 *   File "FILE", line 1, in NAME
 *     source
 *     variable = value
 *
 * A traceback has the innermost frame last, a dump of faulthandler first.
 */

#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "cgi/trace.h"

bool
trace_is_own(const char *file)
{
	static const char *const others[] = { PYTHON_STDLIB "/",
		"/site-packages/", "/dist-packages/", "<" };
	bool own = *file != '\0';
	size_t i;

	for (i = 0; own && i < sizeof(others) / sizeof(*others); i++)
		own = strstr(file, others[i]) == NULL;
	return own;
}

static const char *
find_next_line(const char *text)
{
	text += strcspn(text, "\n");
	return *text != '\0' ? text + 1 : text;
}

/* Reads what begins a frame; false: it is another line. */
static bool
read_line(const char *line, struct trace_frame *to)
{
	static const char begin[] = "File \"", behind[] = "\", line ";
	char *file;

	to->start = line;
	line += strspn(line, " ");
	if (line == to->start || strncmp(line, begin, sizeof(begin) - 1) != 0)
		return false;
	to->file = line + sizeof(begin) - 1;
	to->file_length = strcspn(to->file, "\"\n");
	to->line = to->file + to->file_length + sizeof(behind) - 1;
	if (strncmp(to->file + to->file_length, behind, sizeof(behind) - 1) !=
	    0)
		return false;
	to->line_length = strspn(to->line, "0123456789");
	to->name = to->line + to->line_length;
	to->name += strspn(to->name, ",");
	to->name += strncmp(to->name, " in ", 4) == 0 ? 4 : 0;
	to->name_length = strcspn(to->name, "\n");
	file = strndup(to->file, to->file_length);
	to->own = file != NULL && trace_is_own(file);
	free(file);
	return true;
}

bool
trace_find(const char *text, struct trace_frame *to)
{
	const char *end;
	size_t indent;

	while (*text != '\0' && !read_line(text, to))
		text = find_next_line(text);
	if (*text == '\0')
		return false;
	indent = strspn(text, " ");
	to->body = end = find_next_line(text);
	while (strspn(end, " ") > indent)
		end = find_next_line(end);
	to->length = (size_t)(end - to->body);
	return true;
}

bool
trace_find_innermost(const char *text, struct trace_frame *to)
{
	bool is_dump = strstr(text, "most recent call first") != NULL,
	     found = false;
	struct trace_frame frame;

	for (; trace_find(text, &frame); text = frame.body + frame.length)
		if (!found || (frame.own && !to->own) ||
		    (frame.own == to->own && !is_dump)) {
			*to = frame;
			found = true;
		}
	return found;
}
