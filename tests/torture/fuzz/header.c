/*
 * E1, E2, C5: what is allowed in a head cannot end a line or the head. The
 * first byte says what the rest is.
 */

#include "fuzzer.h"

#include "cgi/header.h"

static void
check_allowed(const char *text, size_t size, const char *forbidden)
{
	size_t i;

	for (i = 0; i < size; i++)
		ensure(
		    memchr(forbidden, text[i], strlen(forbidden) + 1) == NULL &&
			text[i] != 0x7f &&
			((unsigned char)text[i] >= ' ' || text[i] == '\t'),
		    "no control characters");
}

static void
check_length(const char *text, size_t size)
{
	char again[32];
	int64_t length;
	size_t zeros = 0;

	if (header_read_length(text, size, &length) == -1)
		return;
	ensure(length >= 0, "a length is not negative");
	while (zeros + 1 < size && text[zeros] == '0')
		zeros++;
	snprintf(again, sizeof(again), "%lld", (long long)length);
	ensure(strlen(again) == size - zeros &&
		memcmp(again, text + zeros, size - zeros) == 0,
	    "a length is what its digits say");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;
	const char *trimmed;

	if (size == 0)
		return 0;
	text = malloc(size);
	ensure(text != NULL, "memory");
	memcpy(text, data + 1, --size);
	if (*data % 4 == 0 && header_check_status(text, size) == NULL) {
		check_allowed(text, size, "\t\r\n");
		ensure(size == 3 || (size > 3 && text[3] == ' '),
		    "a space behind the digits");
	} else if (*data % 4 == 1 && header_check_name(text, size) == NULL) {
		check_allowed(text, size, "\t\r\n ():<>@,;\\\"/[]?={}");
		ensure(size > 0, "a name is not empty");
	} else if (*data % 4 == 2 && header_check_value(text, size) == NULL) {
		check_allowed(text, size, "\r\n");
		trimmed = header_trim(text, &size);
		ensure(size == 0 ||
			(strchr(" \t", trimmed[0]) == NULL &&
			    strchr(" \t", trimmed[size - 1]) == NULL),
		    "no spaces at the ends");
	} else if (*data % 4 == 3)
		check_length(text, size);
	free(text);
	return 0;
}
