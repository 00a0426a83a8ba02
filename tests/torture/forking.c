/*
 * Linked into a program by -Wl,--wrap=keep_image: at the border, where others
 * leave an image behind, this one answers each request that it is told of in a
 * child, as if it had been started for it. Python starts once.
 *
 * The folder FORKING has two FIFOs: "requests", with a size, a number, how many
 * words are in argv, words and variables; and "ends", for the children's
 * statuses. A child's standard input, output and log are files there, whose
 * names end in the number.
 */

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/process.h"
#include "cgi/request.h"
#include "image/inherited.h"
#include "image/keep.h"
#include "invocation/invocation.h"

extern char **environ;

void __wrap_keep_image(const struct invocation *, const struct keep_hooks *);

static const struct invocation *prepared;

static void
fail(const char *what)
{
	fprintf(stderr, "forking: ERROR: TortureSanitizer: %s\n", what);
	_exit(99);
}

static void
read_all(int file, void *buffer, size_t size)
{
	char *at = buffer;
	ssize_t got;

	while (size > 0) {
		got = read(file, at, size);
		if (got <= 0)
			_exit(0); /* the driver is gone */
		at += got;
		size -= (size_t)got;
	}
}

/* A NULL-terminated list of so many texts, or of all that follow. */
static char **
read_list(char **text, const char *end, size_t count)
{
	char **list = calloc(count + 1, sizeof(*list));
	size_t i;

	for (i = 0; i < count && *text < end; i++) {
		list[i] = *text;
		*text += strlen(*text) + 1;
	}
	return list;
}

static int
same(const char *one, const char *other)
{
	return one == NULL || other == NULL ? one == other
					    : strcmp(one, other) == 0;
}

/* H1: the request says nothing about what runs, with which options. */
static void
compare(char **argv, int argc, char **environment)
{
	size_t count = 0, i;
	struct invocation now;
	struct request request;
	char **copy;

	while (environment[count] != NULL)
		count++;
	copy = malloc((count + 1) * sizeof(*copy));
	memcpy(copy, environment, (count + 1) * sizeof(*copy));
	if (request_open(&request, copy) == -1)
		fail("memory");
	if (invocation_read(
		&now, &request, argc, argv, process_execfn(argv[0])) == -1)
		fail("a request has the application not found");
	if (!same(now.file, prepared->file) ||
	    !same(now.folder, prepared->folder) ||
	    !same(now.module, prepared->module) ||
	    !same(now.callable, prepared->callable) ||
	    now.way != prepared->way || now.by_server != prepared->by_server)
		fail("a request chose the application");
	if (now.options.count != prepared->options.count)
		fail("a request gave an option");
	for (i = 0; i < (size_t)now.options.count; i++)
		if (now.options.given[i].letter !=
			prepared->options.given[i].letter ||
		    !same(now.options.given[i].value,
			prepared->options.given[i].value))
			fail("a request changed an option");
}

static void
redirect(
    const char *folder, const char *name, uint32_t number, int flags, int to)
{
	char path[4096];
	int file;

	snprintf(path, sizeof(path), "%s/%s.%u", folder, name, number);
	file = open(path, flags | O_CREAT, 0600);
	if (file == -1 || dup2(file, to) == -1)
		fail(path);
	close(file);
}

static void
answer(char *text, const char *end, const struct keep_hooks *hooks,
    const char *folder)
{
	uint32_t number, words;
	char **argv;

	memcpy(&number, text, sizeof(number));
	text += sizeof(number);
	memcpy(&words, text, sizeof(words));
	text += sizeof(words);
	argv = read_list(&text, end, words);
	environ = read_list(&text, end, 4096);
	redirect(folder, "body", number, O_RDONLY, STDIN_FILENO);
	redirect(folder, "reply", number, O_WRONLY | O_TRUNC, STDOUT_FILENO);
	redirect(folder, "log", number, O_WRONLY | O_TRUNC | O_APPEND,
	    STDERR_FILENO);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	compare(argv, (int)words, environ);
	hooks->wake();
}

void
__wrap_keep_image(
    const struct invocation *invocation, const struct keep_hooks *hooks)
{
	const char *folder = getenv("FORKING"), *reason;
	char path[4096], detail[256], *text;
	int requests, ends, status;
	uint32_t size;
	pid_t child;

	prepared = invocation;
	/* As if the import had changed nothing: a child inherits it here. */
	inherited_begin(environ);
	reason = inherited_end(-1, NULL, detail);
	if (reason != NULL)
		fail(reason);
	if (folder == NULL)
		fail("no FORKING");
	snprintf(path, sizeof(path), "%s/requests", folder);
	requests = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/ends", folder);
	ends = open(path, O_WRONLY | O_CLOEXEC);
	if (requests == -1 || ends == -1)
		fail("FIFOs");
	process_pause_clock(); /* --timeout is not for this one */
	for (;;) {
		read_all(requests, &size, sizeof(size));
		text = calloc(1, (size_t)size + 1);
		read_all(requests, text, size);
		child = fork();
		if (child == 0)
			answer(text, text + size, hooks, folder);
		free(text);
		while (child != -1 && waitpid(child, &status, 0) == -1)
			if (errno != EINTR)
				fail("waitpid");
		if (child == -1 ||
		    write(ends, &status, sizeof(status)) != sizeof(status))
			fail("fork");
	}
}
