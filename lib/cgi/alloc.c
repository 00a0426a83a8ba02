/* The end for want of memory is the same as that of any other failure. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/alloc.h"
#include "cgi/page.h"
#include "cgi/process.h"
#include "cgi/report.h"

void
alloc_fail(void)
{
	enum report_code code;

	report_no_memory();
	if (process_owes_reply())
		page_deliver();
	else
		report_conclude(&code);
	process_exit(EXIT_FAILURE);
}

static void *
check_memory(void *memory)
{
	if (memory == NULL)
		alloc_fail();
	return memory;
}

char *
alloc_text(const char *text)
{
	return check_memory(strdup(text));
}

char *
alloc_part(const char *text, size_t most)
{
	return check_memory(strndup(text, most));
}

char *
alloc_print(const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) == -1)
		text = NULL;
	va_end(arguments);
	return check_memory(text);
}

void *
alloc_items(void *list, size_t count, size_t size)
{
	return check_memory(reallocarray(list, count, size));
}
