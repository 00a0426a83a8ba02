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

struct ancestor {
	char name[16];
	long parent;
	unsigned long long blocked, ignored; /* signals */
};

/* What proc(5) says of a process. Returns 0, or -1. */
static int
read_ancestor(long process, struct ancestor *found)
{
	char path[32], line[256];
	FILE *status;

	*found = (struct ancestor){ .parent = -1 };
	snprintf(path, sizeof path, "/proc/%ld/status", process);
	if ((status = fopen(path, "re")) == NULL)
		return -1;
	while (fgets(line, sizeof line, status) != NULL)
		if (sscanf(line, "Name: %15s", found->name) != 1 &&
		    sscanf(line, "PPid: %ld", &found->parent) != 1 &&
		    sscanf(line, "SigBlk: %llx", &found->blocked) != 1)
			sscanf(line, "SigIgn: %llx", &found->ignored);
	fclose(status);
	return found->parent == -1 ? -1 : 0;
}

static bool
has_sigchld(unsigned long long mask)
{
	return (mask >> (SIGCHLD - 1) & 1) != 0;
}

/* Apache waits for what it started, and adopts nobody else's children. */
static bool
is_apache(const struct ancestor *ancestor)
{
	return strncmp(ancestor->name, "apache2", 7) == 0 ||
	    strncmp(ancestor->name, "httpd", 5) == 0;
}

/*
 * Runs in the memory of the process that it waits for: calls nothing that
 * could change it. With its own end nobody has the output open any more.
 */
static int
await_end(void *process)
{
	struct pollfd end = { .fd = *(int *)process, .events = POLLIN };

	syscall(SYS_ppoll, &end, 1, NULL, NULL, 0);
	return 0;
}

/*
 * How to start a keeper that somebody waits for, as a flag of clone(2) or 0; or
 * -1. mod_cgid's daemon ignores SIGCHLD, so its children vanish by themselves
 * (wait(2)). Otherwise init gets the keeper, or an ancestor that took init's
 * place (PR_SET_CHILD_SUBREAPER of prctl(2)), and we cannot see which. So each
 * ancestor but Apache must block or ignore SIGCHLD, as those do that wait for
 * any child. One that handles it may wait only for children that it started.
 */
static int
choose_adoption(void)
{
	struct ancestor ancestor;
	long process;

	for (process = getppid();; process = ancestor.parent) {
		if (process == 0)
			process = 1; /* the parent is outside of a container */
		if (read_ancestor(process, &ancestor) == -1)
			return -1;
		if (process == getppid() && has_sigchld(ancestor.ignored))
			return CLONE_PARENT;
		if (has_sigchld(ancestor.blocked | ancestor.ignored)) {
			if (process == 1)
				return 0;
		} else if (process == 1 || !is_apache(&ancestor))
			return -1;
	}
}

/* Returns 0, or -1 if there is no keeper. */
static int
start_process(void)
{
	static _Alignas(16) char stack[16 << 10];
	static int process;
	sigset_t all, before;
	int how = choose_adoption(), keeper;

	if (how == -1 ||
	    (process = (int)syscall(SYS_pidfd_open, getpid(), 0)) == -1)
		return -1;
	/* The application's handlers are not for the keeper. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	/* Without a signal for its end: wait(2) in exit() does not mean it. */
	keeper = clone(await_end, stack + sizeof stack,
	    CLONE_VM | CLONE_FILES | how, &process);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return keeper == -1 ? -1 : 0;
}

#else

static int
start_process(void)
{
	return -1;
}

#endif

void
keeper_start(void)
{
	const struct timespec pause = { .tv_nsec = 100000 };

	if (start_process() == -1)
		nanosleep(&pause, NULL);
}
