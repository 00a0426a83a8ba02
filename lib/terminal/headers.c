/* What -H says of a header wins over other options and curl's defaults. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/alloc.h"
#include "cgi/ascii.h"
#include "cgi/header.h"
#include "cgi/report.h"
#include "terminal/headers.h"
#include "terminal/source.h"

/* What -H said, by variables; a value is NULL where it is to be left out. */
static struct {
	struct line {
		char *variable, *value;
	} * list;
	size_t count;
} lines;

void
headers_set_variable(const char *name, const char *value)
{
	if (value == NULL)
		unsetenv(name);
	else if (setenv(name, value, 1) == -1)
		alloc_fail();
}

/*
 * The variable that carries a header, in memory to be freed, or NULL where
 * Apache hands over none.
 */
static char *
name_variable(const char *name, size_t length)
{
	bool content = ascii_equal_text(name, length, "Content-Type") ||
	    ascii_equal_text(name, length, "Content-Length");
	char *variable = alloc_print(
		 "%s%.*s", content ? "" : "HTTP_", (int)length, name),
	     *c;

	for (c = variable + (content ? 0 : 5); *c != '\0'; c++) {
		if (*c != '-' && !ascii_is_letter(*c) && !ascii_is_digit(*c)) {
			free(variable);
			return NULL;
		}
		*c = *c == '-' ? '_' : ascii_upper(*c);
	}
	return variable;
}

static struct line *
find_line(const char *variable)
{
	size_t i;

	for (i = 0; i < lines.count; i++)
		if (strcmp(lines.list[i].variable, variable) == 0)
			return &lines.list[i];
	return NULL;
}

/* "Name: value"; "Name:" leaves the header out, and "Name;" has an empty one */
static int
add_line(const char *line)
{
	size_t length = strcspn(line, ":;"), size;
	const char *mark = line + length, *value;
	struct line *known;
	char *variable, *copy;

	if (length == 0 || strcspn(line, " \t") < length || *mark == '\0' ||
	    (*mark == ';' && mark[1 + strspn(mark + 1, " \t")] != '\0') ||
	    header_check_value(mark + 1, strlen(mark + 1)) != NULL)
		return report_fail(REPORT_USAGE,
		    "-H '%s': it needs 'Name: value', 'Name:' to leave a "
		    "header out, or 'Name;' for an empty one",
		    line);
	if ((variable = name_variable(line, length)) == NULL)
		return 0;
	if ((known = find_line(variable)) == NULL) {
		lines.list = alloc_items(
		    lines.list, lines.count + 1, sizeof(*lines.list));
		known = &lines.list[lines.count++];
		*known = (struct line){ .variable = variable };
	} else
		free(variable);
	size = strlen(mark + 1);
	value = header_trim(mark + 1, &size);
	if (*mark == ':' && size == 0)
		return 0;
	/* RFC 9110 5.3: Apache joins a header that comes again with a comma. */
	copy = alloc_print("%s%s%.*s", known->value ? known->value : "",
	    known->value ? ", " : "", (int)size, value);
	free(known->value);
	known->value = copy;
	return 0;
}

/* -H @file: its lines; "-" is standard input. */
static int
add_file(const char *name)
{
	FILE *copy = tmpfile();
	char *line = NULL;
	size_t room = 0;
	int result = copy != NULL ? source_copy(copy, name, "\r", 1) : 0;

	if (copy == NULL || (result == 0 && fseek(copy, 0, SEEK_SET) == -1))
		result = report_fail(REPORT_SYSTEM,
		    "cannot store the header lines: %s", strerror(errno));
	if (copy == NULL)
		return result;
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
headers_value(const char *variable)
{
	const struct line *line = find_line(variable);

	return line != NULL ? line->value : NULL;
}

void
headers_offer(const char *variable, const char *value)
{
	const struct line *line = find_line(variable);

	if (line != NULL)
		value = line->value;
	else if (value != NULL && *value == '\0')
		value = NULL;
	headers_set_variable(variable, value);
}

void
headers_set(void)
{
	size_t i;

	for (i = 0; i < lines.count; i++)
		if (lines.list[i].value != NULL)
			headers_set_variable(
			    lines.list[i].variable, lines.list[i].value);
}
