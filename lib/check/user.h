/* The user that the web server runs scripts as, and what that user is given. */
#ifndef CHECK_USER_H
#define CHECK_USER_H

#include <sys/types.h>

#include <stdbool.h>

#include "invocation/settings.h"

/* The PATH of most servers has these at least; env(1) looks there. */
#define SERVER_PATH "/usr/local/bin:/usr/bin:/bin"

struct user {
	const char *name;
	uid_t uid;
	gid_t gid; /* the first group */
	bool ours; /* this process runs as it, or can become it */
	bool by_root; /* root asked */
};

/*
 * Finds the named user, or without a name www-data if root asks and it exists,
 * else the current one. Returns 0, or -1 with a failure reported.
 */
int user_find(struct user *, const char *name);

/*
 * Started by root, the process becomes that user for good. Returns 0, or -1
 * with a failure reported.
 */
int user_become(const struct user *);

/*
 * Makes the environment what a server's would be: PATH and the settings.
 * Servers pass on next to nothing else. Returns 0, or -1 with errno.
 */
int user_set_environment(const struct settings *);

#endif
