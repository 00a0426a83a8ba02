/*
 * H4: a reply's head is what it is, however much of it and of the body has
 * come, and what a client gets of it is a head again.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "terminal/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
ensure(int holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "H4 does not hold: %s\n", what);
		abort();
	}
}

/* The bytes alone, so that reading past them shows. */
static int
read_bytes(struct terminal_response *answer, const void *bytes, size_t size)
{
	char *copy = malloc(size > 0 ? size : 1);
	int result;

	ensure(copy != NULL, "memory");
	memcpy(copy, bytes, size);
	result = terminal_response_read(answer, copy, size);
	free(copy);
	return result;
}

static void
check_shorter(
    const uint8_t *data, size_t size, const struct terminal_response *answer)
{
	struct terminal_response other;
	int result = read_bytes(&other, data, size);

	if (size < answer->size)
		ensure(result == 0, "a part of a head");
	else {
		ensure(result == 1, "a head without its body");
		ensure(other.status == answer->status, "the status");
	}
	free(other.head);
}

static void
check_again(const struct terminal_response *answer)
{
	struct terminal_response again;

	ensure(read_bytes(&again, answer->head, answer->length) == 1,
	    "what the client gets");
	ensure(again.status == answer->status, "the client's status");
	ensure(again.size == answer->length, "the client's size");
	free(again.head);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct terminal_response answer;
	int result = read_bytes(&answer, data, size);

	if (result == 1) {
		ensure(answer.status >= 100 && answer.status <= 999, "digits");
		ensure(answer.size <= size, "the size");
		check_shorter(data, answer.size, &answer);
		check_shorter(data, answer.size - 1, &answer);
		check_shorter(data, answer.size / 2, &answer);
		check_again(&answer);
	}
	free(answer.head);
	return 0;
}
