/*
 * As soon as the output ends Apache looks whether the process is gone, and if
 * not, looks again after 10 ms (mod_cgid) or 47 ms (mod_cgi). But the kernel
 * first closes what a process has open, then ends it. So the last that has the
 * output open here is a process of its own, the keeper.
 */

#include <time.h>

#include "cgi/keeper.h"

#ifdef __linux__
#include <sys/syscall.h>
#endif

#ifdef SYS_pidfd_open

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * Whether a process has SIGCHLD in one of these of its masks, named as in
 * proc(5): Blk, Ign.
 */
static bool
has_sigchld(pid_t process, const char *masks)
{
	char path[32], line[256], name[4];
	unsigned long long mask, found = 0;
	FILE *status;

	snprintf(path, sizeof path, "/proc/%ld/status", (long)process);
	if ((status = fopen(path, "re")) == NULL)
		return false;
	while (fgets(line, sizeof line, status) != NULL)
		if (sscanf(line, "Sig%3[A-Za-z]: %llx", name, &mask) == 2 &&
		    strstr(masks, name) != NULL)
			found |= mask;
	fclose(status);
	return (found >> (SIGCHLD - 1) & 1) != 0;
}

/*
 * Runs in the memory of the process that it waits for: calls nothing that
 * could change it. With its own end nobody has the output open any more.
 */
static int
keep(void *process)
{
	struct pollfd end = { .fd = *(int *)process, .events = POLLIN };

	syscall(SYS_ppoll, &end, 1, NULL, NULL, 0);
	return 0;
}

/*
 * How to start a keeper that somebody waits for, or -1. mod_cgid's daemon
 * ignores SIGCHLD, so its children vanish by themselves (wait(2)). Else the
 * keeper is left to init: one that only handles SIGCHLD may wait for nothing
 * but what it started.
 */
static int
adoption(void)
{
	if (has_sigchld(getppid(), "Ign"))
		return CLONE_PARENT;
	return has_sigchld(1, "Blk Ign") ? 0 : -1;
}

/* Returns 0, or -1 if there is no keeper. */
static int
start(void)
{
	static _Alignas(16) char stack[16 << 10];
	static int process;
	sigset_t all, before;
	int how = adoption(), keeper;

	if (how == -1 ||
	    (process = (int)syscall(SYS_pidfd_open, getpid(), 0)) == -1)
		return -1;
	/* The application's handlers are not for the keeper. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	/* Without a signal for its end: wait(2) in exit() does not mean it. */
	keeper = clone(
	    keep, stack + sizeof stack, CLONE_VM | CLONE_FILES | how, &process);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return keeper == -1 ? -1 : 0;
}

#else

static int
start(void)
{
	return -1;
}

#endif

void
keeper_start(void)
{
	const struct timespec pause = { .tv_nsec = 100000 };

	if (start() == -1)
		nanosleep(&pause, NULL);
}
