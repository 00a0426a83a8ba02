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
#include <time.h>
#include <unistd.h>

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

static int64_t
read_clock(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000) + time.tv_nsec / 1000000;
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

static void
keep_bytes(struct stream *stream, const char *bytes, size_t length)
{
	if (length > MOST - stream->length)
		length = MOST - stream->length;
	memcpy(stream->bytes + stream->length, bytes, length);
	stream->length += length;
}

/* Reads what there is, but not for ever: the child may write faster. */
static void
drain_stream(struct stream *stream)
{
	char block[65536];
	ssize_t n = 0;
	int times;

	if (stream->descriptor == -1)
		return;
	for (times = 0; times < 16; times++) {
		n = read(stream->descriptor, block, sizeof(block));
		if (n <= 0)
			break;
		keep_bytes(stream, block, (size_t)n);
	}
	if (n == 0)
		close_stream(stream);
}

static void
drain_streams(struct child *trial)
{
	drain_stream(&trial->channel);
	drain_stream(&trial->output);
	drain_stream(&trial->errors);
}

/* Waits for output, for the child's end, or that many milliseconds. */
static void
wait_for_output(const struct child *trial, int64_t wait, const sigset_t *mask)
{
	struct pollfd ends[] = {
		{ .fd = trial->channel.descriptor, .events = POLLIN },
		{ .fd = trial->output.descriptor, .events = POLLIN },
		{ .fd = trial->errors.descriptor, .events = POLLIN },
	};
	struct timespec limit = { .tv_sec = wait / 1000,
		.tv_nsec = wait % 1000 * 1000000 };

	ppoll(ends, 3, &limit, mask);
}

/* SIGCHLD is blocked but in ppoll(), so that none is missed. */
static void
await_child(
    struct child *trial, pid_t child, unsigned seconds, const sigset_t *mask)
{
	int64_t end = read_clock() + seconds * INT64_C(1000), left;

	while (waitpid(child, &trial->status, WNOHANG) == 0) {
		if ((left = end - read_clock()) <= 0) {
			kill(child, trial->late ? SIGKILL : SIGABRT);
			trial->late = true;
			end = read_clock() + PATIENCE * 1000;
			continue;
		}
		wait_for_output(trial, left, mask);
		drain_streams(trial);
	}
	kill(-child, SIGKILL);
	drain_streams(trial);
	if (trial->channel.length > 0 &&
	    trial->channel.bytes[trial->channel.length - 1] == LAST) {
		trial->returned = true;
		trial->channel.length--;
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
finish_child(pid_t child, int channel)
{
	const char last = LAST;

	fflush(NULL);
	_exit(getpid() == child && write(channel, &last, 1) == 1
		? EXIT_SUCCESS
		: EXIT_FAILURE);
}

int
child_run(struct child *trial, unsigned seconds,
    void (*act)(int channel, const void *argument), const void *argument)
{
	int channel = open_stream(&trial->channel),
	    output = open_stream(&trial->output),
	    errors = open_stream(&trial->errors), number;
	sigset_t child_ends, mask;
	pid_t child = -1;

	trial->late = trial->returned = false;
	signal(SIGCHLD, ignore_signal);
	sigemptyset(&child_ends);
	sigaddset(&child_ends, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child_ends, &mask);
	if (channel != -1 && output != -1 && errors != -1)
		child = fork();
	if (child == 0) {
		prepare_child(output, errors, &mask);
		child = getpid();
		act(channel, argument);
		finish_child(child, channel);
	}
	number = errno;
	close(channel);
	close(output);
	close(errors);
	if (child != -1)
		await_child(trial, child, seconds, &mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	close_stream(&trial->channel);
	close_stream(&trial->output);
	close_stream(&trial->errors);
	errno = number;
	return child != -1 ? 0 : -1;
}

void
child_release(struct child *trial)
{
	free(trial->channel.bytes);
	free(trial->output.bytes);
	free(trial->errors.bytes);
}
