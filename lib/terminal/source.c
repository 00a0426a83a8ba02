/* A file is copied as it is read, so that it may be a pipe. */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "cgi/report.h"
#include "terminal/source.h"

static void
write_without(
    FILE *to, const char *bytes, size_t size, const char *dropped, size_t count)
{
	size_t i;

	if (count == 0)
		fwrite(bytes, 1, size, to);
	else
		for (i = 0; i < size; i++)
			if (memchr(dropped, bytes[i], count) == NULL)
				putc(bytes[i], to);
}

int
source_copy(FILE *to, const char *name, const char *dropped, size_t count)
{
	bool is_input = strcmp(name, "-") == 0;
	FILE *from = is_input ? stdin : fopen(name, "re");
	char buffer[65536];
	size_t got = sizeof(buffer);
	int result = 0;

	if (from != NULL)
		errno = 0;
	/* At a terminal, reading on after the end would ask for more. */
	while (from != NULL && got == sizeof(buffer)) {
		got = fread(buffer, 1, sizeof(buffer), from);
		write_without(to, buffer, got, dropped, count);
	}
	if (from == NULL || ferror(from))
		result = report_fail(REPORT_NO_FILE, "cannot read %s: %s", name,
		    strerror(errno));
	if (from != NULL && !is_input)
		fclose(from);
	return result;
}
