/*
 * SIGALRM is the application's, and so is every other signal that it can name:
 * it may block or ignore them all. The C library keeps the first of the
 * kernel's real-time signals for itself (nptl(7)): its sigaction() and its
 * sigprocmask() refuse or leave out that number, and of itself only
 * pthread_cancel() uses it, which Python never calls. So the handler for it is
 * set by the system call.
 */

#include <sys/syscall.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgi/deadline.h"

#define RESERVED_SIGNAL 32
#define MASK_SIZE 8 /* of the kernel's set of signals */

static struct {
	volatile sig_atomic_t open;
	timer_t timer;
	void (*on_time)(void);
} deadline;

static void
on_signal(int number)
{
	int error = errno;

	(void)number;
	deadline.on_time();
	errno = error;
}

/*
 * The kernel's own record of a handler has fields that differ from processor
 * to processor. So the C library sets ours for a signal that it allows, and
 * the record is copied.
 */
static int
handle_reserved_signal(void)
{
	struct sigaction ours = { .sa_handler = on_signal,
		/* The next deadline may come while this one is acted on. */
		.sa_flags = SA_NODEFER },
			 before;
	unsigned char record[sizeof(ours)];
	long result;

	if (sigaction(SIGALRM, &ours, &before) == -1)
		return -1;
	result = syscall(SYS_rt_sigaction, SIGALRM, NULL, record, MASK_SIZE);
	if (result == 0)
		result = syscall(
		    SYS_rt_sigaction, RESERVED_SIGNAL, record, NULL, MASK_SIZE);
	sigaction(SIGALRM, &before, NULL);
	return (int)result;
}

int
deadline_open(void (*on_time)(void))
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = RESERVED_SIGNAL };

	memset(&deadline, 0, sizeof(deadline));
	deadline.on_time = on_time;
	if (handle_reserved_signal() == -1 ||
	    timer_create(CLOCK_MONOTONIC, &event, &deadline.timer) == -1)
		return -1;
	deadline.open = 1;
	return 0;
}

void
deadline_set(unsigned milliseconds)
{
	struct itimerspec when = {
		.it_value = { .tv_sec = milliseconds / 1000,
		    .tv_nsec = milliseconds % 1000 * 1000000L },
	};

	if (deadline.open)
		timer_settime(deadline.timer, 0, &when, NULL);
}
