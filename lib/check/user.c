/* A name becomes a user, and this process that user, if root asks. */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/user.h"
#include "cgi/report.h"

extern char **environ;

#define USUAL "www-data" /* Debian's */

static int
become_user(const struct passwd *user)
{
	if (initgroups(user->pw_name, user->pw_gid) == -1 ||
	    setgid(user->pw_gid) == -1 || setuid(user->pw_uid) == -1)
		return report_fail(REPORT_SYSTEM,
		    "cannot become the user %s: %s", user->pw_name,
		    strerror(errno));
	return 0;
}

static struct passwd *
find_user(const char *name)
{
	struct passwd *user = NULL;

	if (name != NULL)
		return getpwnam(name);
	if (geteuid() == 0)
		user = getpwnam(USUAL);
	return user != NULL ? user : getpwuid(geteuid());
}

int
user_take(struct user *account, const char *name)
{
	struct passwd *user = find_user(name);
	char *number;

	*account = (struct user){ .by_root = geteuid() == 0 };
	if (user == NULL && name != NULL)
		return report_fail(
		    REPORT_USAGE, "--web-user: there is no user '%s'", name);
	account->uid = user != NULL ? user->pw_uid : geteuid();
	if (user != NULL)
		account->name = strdup(user->pw_name);
	else if (asprintf(&number, "%ld", (long)account->uid) != -1)
		account->name = number; /* in a container many have no other */
	if (account->name == NULL)
		return report_no_memory();
	if (geteuid() == 0 && account->uid != 0 && become_user(user) == -1)
		return -1;
	account->ours = account->uid == geteuid();
	return 0;
}

int
user_set_environment(const struct settings *settings)
{
	static char *none[] = { NULL };
	int i, result;

	environ = none; /* clearenv() is not everywhere */
	result = setenv("PATH", SERVER_PATH, 1);
	for (i = 0; result == 0 && i < settings->count; i++)
		result = setenv(
		    settings->list[i].name, settings->list[i].value, 1);
	return result;
}
