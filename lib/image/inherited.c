/*
 * An application may set its umask, working folder, limits, niceness or blocked
 * signals while it is imported. A forked child would have them, too. What it
 * did not change is the new process's own.
 */

#include <sys/resource.h>
#include <sys/stat.h>

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/inherited.h"

#define LIMITS RLIM_NLIMITS

struct state {
	mode_t mask;
	char *folder;
	int nice;
	sigset_t blocked;
	struct rlimit limits[LIMITS];
};

static struct state before, after;

static void
look(struct state *state)
{
	unsigned i;

	state->mask = umask(0);
	umask(state->mask);
	state->folder = getcwd(NULL, 0);
	state->nice = getpriority(PRIO_PROCESS, 0);
	sigprocmask(SIG_BLOCK, NULL, &state->blocked);
	for (i = 0; i < LIMITS; i++)
		getrlimit(i, &state->limits[i]);
}

void
inherited_begin(void)
{
	look(&before);
}

int
inherited_end(void)
{
	look(&after);
	return before.folder != NULL && after.folder != NULL ? 0 : -1;
}

static void
renew_signals(void)
{
	sigset_t set;
	int i;

	for (i = 1; i < NSIG; i++) {
		if (sigismember(&before.blocked, i) ==
		    sigismember(&after.blocked, i))
			continue;
		sigemptyset(&set);
		sigaddset(&set, i);
		sigprocmask(
		    sigismember(&after.blocked, i) ? SIG_BLOCK : SIG_UNBLOCK,
		    &set, NULL);
	}
}

int
inherited_renew(void)
{
	const struct rlimit *limit = after.limits;
	unsigned i;

	if (after.mask != before.mask)
		umask(after.mask);
	if (after.nice != before.nice)
		setpriority(PRIO_PROCESS, 0, after.nice);
	renew_signals();
	for (i = 0; i < LIMITS; i++, limit++)
		if (limit->rlim_cur != before.limits[i].rlim_cur ||
		    limit->rlim_max != before.limits[i].rlim_max)
			setrlimit(i, limit);
	return strcmp(after.folder, before.folder) != 0 ? chdir(after.folder)
							: 0;
}
