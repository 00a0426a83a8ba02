/*
 * SIGALRM is the application's, and so is every other signal that it can name:
 * it may block or ignore them all. The C library keeps the kernel's first
 * real-time signal for itself (nptl(7)): its sigaction() refuses that number,
 * its sigprocmask() leaves it out, and only its pthread_cancel(), which Python
 * never calls, sends it. So a system call sets the handler for it.
 */

#include <sys/syscall.h>

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgi/deadline.h"

#define RESERVED_SIGNAL 32
#define MASK_SIZE 8 /* of the kernel's set of signals */

/*
 * The kernel compares RLIMIT_CPU with time that it counts in ticks. On a busy
 * host CLOCK_PROCESS_CPUTIME_ID, which is exact, differs from that. This is the
 * clock of the ticks: what clock_getcpuclockid(3) returns for this process, but
 * with the kernel's CPUCLOCK_PROF, 0, in the lowest bits.
 */
#define CPU_CLOCK ((clockid_t)(~0U << 3))

/* One for the time that passes, one for this process's processor time. */
static struct deadline {
	volatile sig_atomic_t open;
	timer_t timer;
	void (*on_time)(void);
} deadline, cpu_deadline;

static void
on_signal(int number, siginfo_t *from, void *context)
{
	const struct deadline *over = from->si_value.sival_ptr;
	int error = errno;

	(void)number;
	(void)context;
	if (from->si_code == SI_TIMER && over != NULL)
		over->on_time();
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
	struct sigaction ours = { .sa_sigaction = on_signal,
		/* The next deadline may come while this one is acted on. */
		.sa_flags = SA_NODEFER | SA_SIGINFO },
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

static int
open_timer(struct deadline *which, clockid_t of, void (*on_time)(void))
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = RESERVED_SIGNAL };

	event.sigev_value.sival_ptr = which;
	which->on_time = on_time;
	if (timer_create(of, &event, &which->timer) == -1)
		return -1;
	which->open = 1;
	return 0;
}

int
deadline_open(void (*on_time)(void))
{
	memset(&deadline, 0, sizeof(deadline));
	memset(&cpu_deadline, 0, sizeof(cpu_deadline));
	if (handle_reserved_signal() == -1)
		return -1;
	return open_timer(&deadline, CLOCK_MONOTONIC, on_time);
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

int
deadline_open_cpu(void (*on_time)(void))
{
	return open_timer(&cpu_deadline, CPU_CLOCK, on_time);
}

void
deadline_set_cpu(time_t seconds)
{
	struct itimerspec when = {
		.it_value = { .tv_sec = seconds > 0 ? seconds - 1 : 0,
		    .tv_nsec = 900000000L },
	};

	if (cpu_deadline.open)
		timer_settime(cpu_deadline.timer, TIMER_ABSTIME, &when, NULL);
}

int64_t
deadline_cpu_time(void)
{
	struct timespec used;

	if (clock_gettime(CPU_CLOCK, &used) == -1)
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * (int64_t)1000 + used.tv_nsec / 1000000;
}
