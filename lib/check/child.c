/* Output is read all the time, so that the child never waits for us. */

#include <sys/mman.h>
#include <sys/wait.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/clock.h"
#include "cgi/deadline.h"
#include "check/child.h"

#define MOST (256 * 1024) /* bytes kept of a stream */
#define PATIENCE 2 /* seconds between SIGABRT and SIGKILL */

static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS,
	SIGTERM, SIGALRM, SIGCHLD };

static void
ignore_signal(int number)
{
	(void)number;
}

/* Returns the end to write to, or -1. */
static int
open_stream(struct stream *stream)
{
	int ends[2];

	*stream = (struct stream){ .descriptor = -1 };
	stream->bytes = calloc(1, MOST + 1);
	if (stream->bytes == NULL || pipe2(ends, O_CLOEXEC) == -1)
		return -1;
	stream->descriptor = ends[0];
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	return ends[1];
}

static void
close_stream(struct stream *stream)
{
	if (stream->descriptor != -1)
		close(stream->descriptor);
	stream->descriptor = -1;
}

/* Reads what there is, at most 1 MiB: the child may write without end. */
static void
drain_stream(struct stream *stream)
{
	char block[65536];
	size_t room;
	ssize_t n = 0;
	int times;

	if (stream->descriptor == -1)
		return;
	for (times = 0; times < 16; times++) {
		n = read(stream->descriptor, block, sizeof(block));
		if (n <= 0)
			break;
		/* What does not fit is dropped, but read: the child goes on. */
		room = MOST - stream->length;
		room = (size_t)n < room ? (size_t)n : room;
		memcpy(stream->bytes + stream->length, block, room);
		stream->length += room;
	}
	if (n == 0)
		close_stream(stream);
}

static void
drain_streams(struct child *child)
{
	drain_stream(&child->output);
	drain_stream(&child->errors);
}

/* Waits for output, for the child's end, or that many nanoseconds. */
static void
wait_for_output(const struct child *child, int64_t wait, const sigset_t *mask)
{
	struct pollfd ends[] = {
		{ .fd = child->output.descriptor, .events = POLLIN },
		{ .fd = child->errors.descriptor, .events = POLLIN },
	};
	struct timespec limit = { .tv_sec = wait / CLOCK_SECOND,
		.tv_nsec = wait % CLOCK_SECOND };

	ppoll(ends, 2, &limit, mask);
}

/* SIGCHLD is blocked but in ppoll(), so that none is missed. */
static void
await_child(
    struct child *child, pid_t pid, unsigned seconds, const sigset_t *mask)
{
	int64_t end = clock_now() + seconds * CLOCK_SECOND, left;

	while (waitpid(pid, &child->status, WNOHANG) == 0) {
		if ((left = end - clock_now()) <= 0) {
			kill(-pid, child->late ? SIGKILL : SIGABRT);
			child->late = true;
			end = clock_now() + PATIENCE * CLOCK_SECOND;
			continue;
		}
		wait_for_output(child, left, mask);
		drain_streams(child);
	}
	kill(-pid, SIGKILL);
	drain_streams(child);
}

/* SIGABRT makes Python tell where it is, even if the application blocks it. */
static void
abort_anyway(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	raise(SIGABRT);
}

/*
 * In a session of its own the child has no terminal, into which it could type
 * commands for the one who checks (TIOCSTI); that is root, perhaps.
 */
static void
prepare_child(int output, int errors, unsigned seconds, const sigset_t *mask)
{
	size_t i;

	setsid();
#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* A process that the server starts may look at itself in /proc. */
	prctl(PR_SET_DUMPABLE, 1);
#endif
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	dup2(output, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	/* A second after the parent's SIGABRT, which notes who is late. */
	if (deadline_open(abort_anyway) == 0)
		deadline_set((seconds + PATIENCE / 2) * 1000);
}

int
child_run(struct child *child, unsigned seconds,
    void (*act)(const void *argument), const void *argument)
{
	int output = open_stream(&child->output),
	    errors = open_stream(&child->errors), number;
	sigset_t child_ends, mask;
	pid_t pid = -1;

	child->late = false;
	child->told = mmap(NULL, sizeof(*child->told), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	signal(SIGCHLD, ignore_signal);
	sigemptyset(&child_ends);
	sigaddset(&child_ends, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child_ends, &mask);
	if (child->told == MAP_FAILED)
		child->told = NULL;
	else if (output != -1 && errors != -1)
		pid = fork();
	if (pid == 0) {
		prepare_child(output, errors, seconds, &mask);
		finding_keep_in(&child->told->findings);
		pid = getpid();
		act(argument);
		/* What the application forked comes along here, too. */
		if (getpid() == pid)
			child->told->returned = true;
		fflush(NULL);
		_exit(EXIT_SUCCESS);
	}
	number = errno;
	close(output);
	close(errors);
	if (pid != -1)
		await_child(child, pid, seconds, &mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	close_stream(&child->output);
	close_stream(&child->errors);
	errno = number;
	return pid != -1 ? 0 : -1;
}

void
child_release(struct child *child)
{
	if (child->told != NULL)
		munmap(child->told, sizeof(*child->told));
	free(child->output.bytes);
	free(child->errors.bytes);
}
