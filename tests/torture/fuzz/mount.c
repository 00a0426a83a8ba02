/*
 * B16: SCRIPT_NAME and PATH_INFO are repaired, whatever the variables say. The
 * input is lines: --script-name or nothing, the tail of Apache's Action or
 * nothing, and variables.
 */

#include "fuzzer.h"

#include "../../unit/fake_report.h"
#include "cgi/mount.h"

#define MOST 32

static void
check(const struct request *request, const char *script, const char *path)
{
	const char *now = request_text(request, "SCRIPT_NAME", ""),
		   *below = request_text(request, "PATH_INFO", "");

	ensure(now == script || strcmp(now, script) == 0 || *now == '\0' ||
		now[strlen(now) - 1] != '/',
	    "a SCRIPT_NAME that was replaced does not end in a slash");
	ensure(below == path || strcmp(below, path) == 0 || *below == '\0' ||
		*below == '/',
	    "a PATH_INFO that was replaced begins with a slash");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *lines[MOST + 1], *environment[MOST + 1], *prefix, *tail;
	char *script, *path;
	struct request request;
	size_t count = 0, i;

	prefix = take_line(&data, &size);
	tail = take_line(&data, &size);
	/* As options.c and invocation.c have them. */
	if (*prefix != '/' && strcmp(prefix, "off") != 0)
		*prefix = '\0';
	if (*tail != '/')
		*tail = '\0';
	while (size > 0 && count < MOST)
		lines[count++] = take_line(&data, &size);
	lines[count] = NULL;
	memcpy(environment, lines, sizeof(environment));
	fake_report_reset();
	ensure(request_open(&request, environment) == 0, "memory");
	script = strdup(request_text(&request, "SCRIPT_NAME", ""));
	path = strdup(request_text(&request, "PATH_INFO", ""));
	ensure(script != NULL && path != NULL &&
		mount_repair(&request, *prefix != '\0' ? prefix : NULL,
		    *tail != '\0' ? tail : NULL) == 0,
	    "memory");
	check(&request, script, path);
	free(script);
	free(path);
	free(request.variables);
	free(prefix);
	free(tail);
	for (i = 0; i < count; i++)
		free(lines[i]);
	return 0;
}
