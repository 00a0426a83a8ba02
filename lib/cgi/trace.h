/* A traceback of Python's, or a dump of faulthandler's, as a text. */
#ifndef CGI_TRACE_H
#define CGI_TRACE_H

#include <stdbool.h>
#include <stddef.h>

/* A frame in a text, which it points into. */
struct trace_frame {
	const char *start; /* of its first line */
	const char *file, *line, *name; /* name: "", or that of the function */
	size_t file_length, line_length, name_length;
	const char *body; /* further lines: the source, variables */
	size_t length; /* of body */
	bool own; /* its file is the user's own */
};

/* Whether a file is neither a part of Python nor of an installed package. */
bool trace_is_own(const char *file);

/* Finds the first frame at or behind a place of a text. */
bool trace_find(const char *text, struct trace_frame *);

/*
 * The innermost frame in a file of the user's own; without one, the innermost
 * of all. Returns whether there is one.
 */
bool trace_find_innermost(const char *text, struct trace_frame *);

#endif
