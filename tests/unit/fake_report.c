/* Keeps report.h's promises to the units under test, and tells no one. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_report.h"
#include "cgi/page.h"
#include "cgi/process.h"
#include "cgi/report.h"

static int failed_with = -1;
static char *failure, *line;

static char *
format_message(const char *format, va_list arguments)
{
	char *message;

	if (vasprintf(&message, format, arguments) == -1)
		abort();
	return message;
}

void
fake_report_reset(void)
{
	free(failure);
	free(line);
	failure = line = NULL;
	failed_with = -1;
}

int
fake_report_code(void)
{
	return failed_with;
}

const char *
fake_report_line(void)
{
	return line;
}

/* The first one counts. */
int
report_fail(enum report_code code, const char *format, ...)
{
	va_list arguments;

	if (failure != NULL)
		return -1;
	failed_with = (int)code;
	va_start(arguments, format);
	failure = format_message(format, arguments);
	va_end(arguments);
	return -1;
}

int
report_no_memory(void)
{
	return report_fail(REPORT_SYSTEM, "out of memory");
}

const char *
report_failure(void)
{
	return failure;
}

bool
report_failed_with(enum report_code code)
{
	return failed_with == (int)code;
}

void
report_log(enum report_code code, const char *format, ...)
{
	va_list arguments;

	(void)code;
	free(line);
	va_start(arguments, format);
	line = format_message(format, arguments);
	va_end(arguments);
}

const char *
report_id(void)
{
	return "0123456789abcdef";
}

/* What alloc.c does where there is no memory; a test has enough. */

bool
process_owes_reply(void)
{
	abort();
}

void
page_deliver(void)
{
	abort();
}

bool
report_conclude(enum report_code *code)
{
	(void)code;
	abort();
}

void
process_exit(int status)
{
	(void)status;
	abort();
}
