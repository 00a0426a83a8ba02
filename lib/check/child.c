/* Output is read all the time, so that the child never waits for us. */

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
#include "check/child.h"

#define MOST (256 * 1024) /* bytes kept of a stream */
#define LAST '\4' /* of the channel, once act() has returned */
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

/* Reads what there is, but not for ever: the child may write faster. */
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
		/* What is too much is read, so that nobody waits, and lost. */
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
	drain_stream(&child->channel);
	drain_stream(&child->output);
	drain_stream(&child->errors);
}

/* Waits for output, for the child's end, or that many nanoseconds. */
static void
wait_for_output(const struct child *child, int64_t wait, const sigset_t *mask)
{
	struct pollfd ends[] = {
		{ .fd = child->channel.descriptor, .events = POLLIN },
		{ .fd = child->output.descriptor, .events = POLLIN },
		{ .fd = child->errors.descriptor, .events = POLLIN },
	};
	struct timespec limit = { .tv_sec = wait / CLOCK_SECOND,
		.tv_nsec = wait % CLOCK_SECOND };

	ppoll(ends, 3, &limit, mask);
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
	if (child->channel.length > 0 &&
	    child->channel.bytes[child->channel.length - 1] == LAST) {
		child->returned = true;
		child->channel.length--;
	}
}

/*
 * In a session of its own the child has no terminal, into which it could type
 * commands for the one who checks (TIOCSTI); that is root, perhaps.
 */
static void
prepare_child(int output, int errors, const sigset_t *mask)
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
}

/* What the application forks comes along here, too, and just ends. */
static _Noreturn void
finish_child(pid_t pid, int channel)
{
	const char last = LAST;

	fflush(NULL);
	_exit(getpid() == pid && write(channel, &last, 1) == 1 ? EXIT_SUCCESS
							       : EXIT_FAILURE);
}

int
child_run(struct child *child, unsigned seconds,
    void (*act)(int channel, const void *argument), const void *argument)
{
	int channel = open_stream(&child->channel),
	    output = open_stream(&child->output),
	    errors = open_stream(&child->errors), number;
	sigset_t child_ends, mask;
	pid_t pid = -1;

	child->late = child->returned = false;
	signal(SIGCHLD, ignore_signal);
	sigemptyset(&child_ends);
	sigaddset(&child_ends, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child_ends, &mask);
	if (channel != -1 && output != -1 && errors != -1)
		pid = fork();
	if (pid == 0) {
		prepare_child(output, errors, &mask);
		pid = getpid();
		act(channel, argument);
		finish_child(pid, channel);
	}
	number = errno;
	close(channel);
	close(output);
	close(errors);
	if (pid != -1)
		await_child(child, pid, seconds, &mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	close_stream(&child->channel);
	close_stream(&child->output);
	close_stream(&child->errors);
	errno = number;
	return pid != -1 ? 0 : -1;
}

void
child_release(struct child *child)
{
	free(child->channel.bytes);
	free(child->output.bytes);
	free(child->errors.bytes);
}
