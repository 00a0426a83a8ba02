/* What -H says of a header wins over other options and curl's defaults. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/ascii.h"
#include "cgi/header.h"
#include "cgi/report.h"
#include "terminal/headers.h"
#include "terminal/source.h"
#include "invocation/words.h"

/* Each is "Name:value" or "Name;", trimmed; they stay. */
static struct words lines;

int
headers_set_variable(const char *name, const char *value)
{
	int result = value != NULL ? setenv(name, value, 1) : unsetenv(name);

	return result == 0 ? 0 : report_no_memory();
}

/*
 * The variable that carries a header, or NULL where Apache hands over none;
 * memory to be freed.
 */
static char *
name_variable(const char *name, size_t length)
{
	bool content = ascii_equal_text(name, length, "Content-Type") ||
	    ascii_equal_text(name, length, "Content-Length");
	char *variable, *c;

	if (asprintf(&variable, "%s%.*s", content ? "" : "HTTP_", (int)length,
		name) == -1)
		return NULL;
	for (c = variable + (content ? 0 : 5); *c != '\0'; c++) {
		if (*c != '-' && !ascii_is_letter(*c) && !ascii_is_digit(*c)) {
			free(variable);
			return NULL;
		}
		*c = *c == '-' ? '_' : ascii_upper(*c);
	}
	return variable;
}

static size_t
name_length(const char *line)
{
	return strcspn(line, ":;");
}

static bool
is_line_of(const char *line, const char *name, size_t length)
{
	return name_length(line) == length && ascii_begins(line, name, length);
}

/* The first line before limit that speaks of a header, or -1. */
static int
find_line(const char *name, size_t length, int limit)
{
	int i;

	for (i = 0; i < limit; i++)
		if (is_line_of(lines.word[i], name, length))
			return i;
	return -1;
}

/* What a line says, or NULL: "Name:" takes the header away. */
static const char *
line_value(const char *line)
{
	const char *mark = line + name_length(line);

	return *mark == ';' ? "" : mark[1] != '\0' ? mark + 1 : NULL;
}

static int
check_line(const char *line)
{
	size_t length = name_length(line);
	const char *mark = line + length;

	if (length == 0 || strcspn(line, " \t") < length || *mark == '\0' ||
	    (*mark == ';' && mark[1 + strspn(mark + 1, " \t")] != '\0') ||
	    header_check_value(mark + 1, strlen(mark + 1)) != NULL)
		return report_fail(REPORT_USAGE,
		    "-H '%s': it needs 'Name: value', 'Name:' to leave a "
		    "header out, or 'Name;' for an empty one",
		    line);
	return 0;
}

/* A line is kept without the blanks around its value. */
static int
add_line(const char *line)
{
	const char *mark = line + name_length(line), *value;
	size_t length;
	char *kept;

	if (check_line(line) == -1)
		return -1;
	length = strlen(mark + 1);
	value = header_trim(mark + 1, &length);
	if (asprintf(&kept, "%.*s%.*s", (int)(mark + 1 - line), line,
		(int)length, value) == -1)
		return report_no_memory();
	return words_append(&lines, kept);
}

/* -H @file: its lines; "-" is standard input. */
static int
add_file(const char *name)
{
	FILE *copy = tmpfile();
	char *line = NULL;
	size_t room = 0;
	int result;

	if (copy == NULL)
		return report_fail(REPORT_SYSTEM,
		    "cannot store the header lines: %s", strerror(errno));
	result = source_copy(copy, name, "\r", 1);
	rewind(copy);
	while (result == 0 && getline(&line, &room, copy) != -1) {
		line[strcspn(line, "\n")] = '\0';
		if (*line != '\0')
			result = add_line(line);
	}
	free(line);
	fclose(copy);
	return result;
}

int
headers_collect(const struct options *options)
{
	const struct given_option *option;
	int i, result = 0;

	for (i = 0; result == 0 && i < options->count; i++) {
		option = &options->given[i];
		if (option->letter == 'H')
			result = *option->value == '@'
			    ? add_file(option->value + 1)
			    : add_line(option->value);
	}
	return result;
}

const char *
headers_value(const char *name)
{
	int i = find_line(name, strlen(name), lines.count);

	return i != -1 ? line_value(lines.word[i]) : NULL;
}

int
headers_offer(const char *name, const char *value)
{
	char *variable = name_variable(name, strlen(name));
	int result = 0;

	if (variable == NULL)
		return report_no_memory();
	if (find_line(name, strlen(name), lines.count) != -1 || value == NULL ||
	    *value == '\0')
		value = NULL;
	result = headers_set_variable(variable, value);
	free(variable);
	return result;
}

/* RFC 9110 5.3: Apache joins a header that comes again with a comma. */
static int
set_header(int i, const char *variable)
{
	const char *line = lines.word[i], *value = line_value(line),
		   *before = getenv(variable);
	char *both;
	int result;

	if (value == NULL)
		return 0;
	if (before == NULL || find_line(line, name_length(line), i) == -1)
		return headers_set_variable(variable, value);
	if (asprintf(&both, "%s, %s", before, value) == -1)
		return report_no_memory();
	result = headers_set_variable(variable, both);
	free(both);
	return result;
}

int
headers_set(void)
{
	char *variable;
	int i, result = 0;

	for (i = 0; result == 0 && i < lines.count; i++) {
		variable = name_variable(
		    lines.word[i], name_length(lines.word[i]));
		if (variable != NULL)
			result = set_header(i, variable);
		free(variable);
	}
	return result;
}
