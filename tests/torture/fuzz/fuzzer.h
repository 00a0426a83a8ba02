/* What fuzzers share: an input is taken apart, and a rule has to hold. */
#ifndef TESTS_FUZZER_H
#define TESTS_FUZZER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static inline void
ensure(int holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "does not hold: %s\n", what);
		abort();
	}
}

/*
 * The next line as a string, to be freed, which a NUL ends early, too; with
 * nothing behind it, for the sanitizer to guard.
 */
static inline char *
take_line(const uint8_t **data, size_t *size)
{
	const uint8_t *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;
	size_t length = end != NULL ? (size_t)(end - *data) : *size, used;
	char *line;

	used = length + (end != NULL);
	line = strndup((const char *)*data, length);
	ensure(line != NULL, "memory");
	*data += used;
	*size -= used;
	return line;
}

#endif
