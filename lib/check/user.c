/* A name becomes a user, and this process that user, if root asks. */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/user.h"
#include "cgi/alloc.h"
#include "cgi/report.h"

extern char **environ;

#define USUAL "www-data" /* Debian's */

static struct passwd *
look_up(const char *name)
{
	struct passwd *user = NULL;

	if (name != NULL)
		return getpwnam(name);
	if (geteuid() == 0)
		user = getpwnam(USUAL);
	return user != NULL ? user : getpwuid(geteuid());
}

int
user_find(struct user *account, const char *name)
{
	struct passwd *user = look_up(name);

	*account = (struct user){ .by_root = geteuid() == 0 };
	if (user == NULL && name != NULL)
		return report_fail(
		    REPORT_USAGE, "--web-user: there is no user '%s'", name);
	account->uid = user != NULL ? user->pw_uid : geteuid();
	account->gid = user != NULL ? user->pw_gid : getegid();
	/* In a container many have no other name than a number. */
	account->name = user != NULL ? alloc_text(user->pw_name)
				     : alloc_print("%ld", (long)account->uid);
	account->ours = account->by_root || account->uid == geteuid();
	return 0;
}

int
user_become(const struct user *account)
{
	if (!account->by_root || account->uid == 0)
		return 0;
	if (initgroups(account->name, account->gid) == -1 ||
	    setgid(account->gid) == -1 || setuid(account->uid) == -1)
		return report_fail(REPORT_SYSTEM,
		    "cannot become the user %s: %s", account->name,
		    strerror(errno));
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
