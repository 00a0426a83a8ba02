/* The kernel is asked where it can be: it also knows access control lists. */

#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/user.h"
#include "cgi/report.h"
#include "invocation/file.h"

#define USUAL "www-data" /* Debian's */

static int
list_groups(struct user *account, gid_t first)
{
	int room = 64;

	do {
		account->count = room;
		account->groups = reallocarray(
		    account->groups, (size_t)room, sizeof(gid_t));
		if (account->groups == NULL)
			return report_no_memory();
		room *= 2;
	} while (getgrouplist(account->name, first, account->groups,
		     &account->count) == -1);
	return 0;
}

static int
become_user(const struct user *account, gid_t group)
{
	if (setgroups((size_t)account->count, account->groups) == -1 ||
	    setgid(group) == -1 || setuid(account->uid) == -1)
		return report_fail(REPORT_SYSTEM,
		    "cannot become the user %s: %s", account->name,
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

/* In a container users often have a number only. */
static int
be_nameless(struct user *account)
{
	char *name;

	account->uid = geteuid();
	account->ours = true;
	if (asprintf(&name, "%ld", (long)account->uid) == -1)
		return report_no_memory();
	account->name = name;
	return 0;
}

int
user_take(struct user *account, const char *name)
{
	struct passwd *user = find_user(name);

	*account = (struct user){ .by_root = geteuid() == 0 };
	if (user == NULL && name == NULL)
		return be_nameless(account);
	if (user == NULL)
		return report_fail(
		    REPORT_USAGE, "--web-user: there is no user '%s'", name);
	account->name = strdup(user->pw_name);
	account->uid = user->pw_uid;
	if (account->name == NULL || list_groups(account, user->pw_gid) == -1)
		return report_no_memory();
	if (geteuid() == 0 && user->pw_uid != 0 &&
	    become_user(account, user->pw_gid) == -1)
		return -1;
	account->ours = account->uid == geteuid();
	return 0;
}

static bool
is_in_group(const struct user *account, gid_t group)
{
	int i;

	for (i = 0; i < account->count; i++)
		if (account->groups[i] == group)
			return true;
	return false;
}

/* path_resolution(7): owner, else group, else others. */
static bool
modes_allow(const struct user *account, const char *path, int mode)
{
	mode_t allowed;
	struct stat st;

	if (stat(path, &st) == -1)
		return false;
	if (account->uid == 0)
		return !(mode & X_OK) || S_ISDIR(st.st_mode) ||
		    st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH);
	if (st.st_uid == account->uid)
		allowed = st.st_mode >> 6;
	else if (is_in_group(account, st.st_gid))
		allowed = st.st_mode >> 3;
	else
		allowed = st.st_mode;
	return (allowed & (mode_t)mode) == (mode_t)mode;
}

static bool
may_access(const struct user *account, const char *path, int mode)
{
	return account->ours ? access(path, mode) == 0
			     : modes_allow(account, path, mode);
}

/* Where a link leads, if a folder on the way there may not be entered. */
static char *
hidden_target(const char *path)
{
	char target[PATH_MAX], *folder, *result = NULL;
	ssize_t length;

	if (access(path, F_OK) == 0 || errno != EACCES)
		return NULL;
	length = readlink(path, target, sizeof(target) - 1);
	if (length == -1 || (folder = file_folder(path)) == NULL)
		return NULL;
	target[length] = '\0';
	result = file_path(folder, target);
	free(folder);
	return result;
}

static char *
stopped_behind(const struct user *account, const char *link)
{
	char *target = hidden_target(link), *stop = NULL;

	if (target != NULL)
		stop = user_stopped_at(account, target);
	free(target);
	return stop;
}

char *
user_stopped_at(const struct user *account, const char *path)
{
	const char *slash = path;
	char *folder, *stop;

	while ((slash = strchr(slash, '/')) != NULL) {
		folder = strndup(
		    path, slash == path ? 1 : (size_t)(slash - path));
		if (folder == NULL)
			return NULL;
		stop = stopped_behind(account, folder);
		if (stop == NULL && !may_access(account, folder, X_OK))
			return folder;
		free(folder);
		if (stop != NULL)
			return stop;
		slash++;
	}
	return stopped_behind(account, path);
}

bool
user_may(const struct user *account, const char *path, int mode)
{
	char *stop;

	if (!account->ours && (stop = user_stopped_at(account, path)) != NULL) {
		free(stop);
		return false;
	}
	return may_access(account, path, mode);
}
