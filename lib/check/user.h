/* The user that the web server runs scripts as, and what that user may do. */
#ifndef CHECK_USER_H
#define CHECK_USER_H

#include <sys/types.h>

#include <stdbool.h>

struct user {
	const char *name;
	uid_t uid;
	gid_t *groups;
	int count;
	bool ours; /* this process runs as it */
	bool by_root; /* root asked */
};

/*
 * Takes the named user, or without a name www-data if root asks and it exists,
 * else the current one. Started by root, the process becomes that user for
 * good. Returns 0, or -1 with a failure reported.
 */
int user_take(struct user *, const char *name);

/*
 * Whether the user may do what mode says (R_OK, W_OK, X_OK). If we are not
 * that user, modes and groups decide, as they do in the kernel.
 */
bool user_may(const struct user *, const char *path, int mode);

/*
 * The first folder on the way to an absolute path that the user may not
 * enter, as memory to be freed, or NULL.
 */
char *user_stopped_at(const struct user *, const char *path);

#endif
