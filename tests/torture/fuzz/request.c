/*
 * B12, B13, B14: the variables of a request leave the environment, all of
 * them, and the last value of a name counts. The input is an environment, a
 * variable in each line; the last two lines are set afterwards.
 */

#include "fuzzer.h"

#include "cgi/request.h"

#define MOST 64

static void
check_left(char **environment)
{
	for (; *environment != NULL; environment++)
		ensure(!request_is_meta(
			   *environment, strcspn(*environment, "=")) &&
			strncmp(*environment, "HTTP_", 5) != 0 &&
			strchr(*environment, '=') > *environment,
		    "no variable of the request is left");
}

/* The value by a walk of its own. */
static void
check_values(const struct request *request, char **lines, size_t count)
{
	size_t i, length;
	const char *last = NULL;
	char *name;

	if (count == 0 || (length = strcspn(lines[0], "=")) == 0 ||
	    lines[0][length] == '\0')
		return;
	for (i = 0; i < count; i++)
		if (strncmp(lines[i], lines[0], length + 1) == 0)
			last = lines[i] + length + 1;
	name = strndup(lines[0], length);
	ensure(request_value(request, name) == last, "the last value counts");
	ensure(request_text(request, name, "x")[0] != '\0',
	    "an empty value counts as none");
	free(name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *lines[MOST + 1], *environment[MOST + 1];
	struct request request;
	size_t count = 0, i;

	while (size > 0 && count < MOST)
		lines[count++] = take_line(&data, &size);
	lines[count] = NULL;
	memcpy(environment, lines, sizeof(environment));
	ensure(request_open(&request, environment) == 0, "memory");
	check_left(environment);
	check_values(&request, lines, count);
	if (count >= 2) {
		ensure(request_set(
			   &request, lines[count - 2], lines[count - 1]) == 0 &&
			request_value(&request, lines[count - 2]) ==
			    lines[count - 1],
		    "what is set is there");
		ensure(request_set(&request, lines[count - 2], NULL) == 0 &&
			request_value(&request, lines[count - 2]) == NULL,
		    "what is withdrawn is gone");
	}
	request_is_by(&request, "Apache");
	request_find_sign(&request);
	free(request.variables);
	for (i = 0; i < count; i++)
		free(lines[i]);
	return 0;
}
