/* An advice that begins with "type" can be typed as it is printed. */

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/finding.h"
#include "check/permissions.h"
#include "check/served.h"
#include "invocation/file.h"
#include "invocation/words.h"

/* One with the sticky bit, as /tmp, is everyone's for good reason. */
#define PRIVATE "move it to a folder that only you may write"
#define LEAST_MEMORY (INT64_C(256) << 20)
#define LEAST_TIME 30 /* seconds */
#define LEAST_PROCESSES 32

/* For chmod(1): u if the user owns the file, or else a, for all. */
static char
class_of(const struct user *account, const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_uid == account->uid ? 'u' : 'a';
}

static bool
can_reach(const struct user *account, const char *script)
{
	char *stop = user_stopped_at(account, script);

	if (stop == NULL)
		return true;
	finding_add("folder-search",
	    "%s may not enter the folder %s\ntype: chmod %c+x %s",
	    account->name, stop, class_of(account, stop), words_quote(stop));
	free(stop);
	return false;
}

bool
permissions_is_executed(const char *script)
{
	const char *dot = strrchr(script, '.');

	return dot == NULL || strcmp(dot, ".wsgi") != 0;
}

/* POSIX has no ST_NOEXEC; without it only permissions are looked at. */
static bool
is_on_noexec(const char *script)
{
#ifdef ST_NOEXEC
	struct statvfs system;

	return statvfs(script, &system) == 0 && system.f_flag & ST_NOEXEC;
#else
	(void)script;
	return false;
#endif
}

static void
check_access(const struct user *account, const char *script)
{
	if (!user_may(account, script, R_OK))
		finding_add("file-read",
		    "%s may not read %s\ntype: chmod %c+r %s", account->name,
		    script, class_of(account, script), words_quote(script));
	if (!permissions_is_executed(script))
		return;
	if (is_on_noexec(script))
		finding_add("file-noexec",
		    "nothing may be executed where %s lies: the file system is "
		    "mounted with noexec\nmove the script, or let the host "
		    "change /etc/fstab",
		    script);
	else if (!user_may(account, script, X_OK))
		finding_add("file-execute",
		    "%s may not execute %s\ntype: chmod %c+x %s", account->name,
		    script, class_of(account, script), words_quote(script));
}

static void
check_folder_mode(const char *path, mode_t mode, bool strictly)
{
	if (mode & S_IWOTH)
		finding_add("shared-folder",
		    "everyone may write the folder %s, so anyone could run "
		    "code here: the program refuses it\n%s%s",
		    path, mode & S_ISVTX ? PRIVATE : "type: chmod o-w ",
		    mode & S_ISVTX ? "" : words_quote(path));
	if (strictly && mode & S_IWGRP)
		finding_add("group-folder",
		    "a group may write the folder %s: suEXEC refuses it\n"
		    "type: chmod g-w %s",
		    path, words_quote(path));
}

static void
check_file_mode(const char *path, mode_t mode)
{
	if (mode & S_IWOTH)
		finding_add("shared-file",
		    "everyone may write %s, so anyone could run code here: the "
		    "program refuses it\ntype: chmod o-w %s",
		    path, words_quote(path));
	if (mode & S_IWGRP)
		finding_add("group-file",
		    "a group may write %s: suEXEC refuses it\n"
		    "type: chmod g-w %s",
		    path, words_quote(path));
	if (mode & (S_ISUID | S_ISGID))
		finding_add("set-id",
		    "%s has a set-user-ID or set-group-ID bit: suEXEC refuses "
		    "it\ntype: chmod ug-s %s",
		    path, words_quote(path));
}

static void
check_owners(
    const char *script, const struct stat *file, const struct stat *around)
{
	if (file->st_uid != around->st_uid)
		finding_add("owner",
		    "%s and its folder have different owners, %ld and %ld: "
		    "suEXEC refuses it\ntype, as root: chown %ld %s",
		    script, (long)file->st_uid, (long)around->st_uid,
		    (long)around->st_uid, words_quote(script));
}

static void
check_cache_folder(const char *folder)
{
	struct stat st;
	char *cache;

	if (asprintf(&cache, "%s/__pycache__", folder) == -1)
		return;
	if (stat(cache, &st) == 0)
		check_folder_mode(cache, st.st_mode, false);
	free(cache);
}

static bool
has_complaint(void)
{
	return finding_has("shared-") || finding_has("group-") ||
	    finding_has("owner") || finding_has("set-id");
}

/* The folder of a symbolic link decides what the server starts, too. */
static void
check_named_folder(const char *script, const char *file)
{
	char *folder = file_folder(script), *own = file_folder(file);
	struct stat st;

	if (folder != NULL && own != NULL && strcmp(folder, own) != 0 &&
	    stat(folder, &st) == 0)
		check_folder_mode(folder, st.st_mode, false);
	free(own);
	free(folder);
}

static void
check_rights(const char *script, const char *path)
{
	char *folder = file_folder(path);
	struct stat file, around;

	if (folder != NULL && stat(path, &file) == 0 &&
	    stat(folder, &around) == 0) {
		check_file_mode(path, file.st_mode);
		check_folder_mode(folder, around.st_mode, true);
		check_owners(path, &file, &around);
		check_cache_folder(folder);
		check_named_folder(script, path);
		if (!has_complaint())
			finding_add("rights",
			    "only user %ld may write the file and its folder",
			    (long)file.st_uid);
	}
	free(folder);
}

bool
permissions_check_file(
    const struct user *account, const char *script, const char *file)
{
	struct stat st;

	if (!can_reach(account, script) || !can_reach(account, file))
		return false;
	if (stat(script, &st) == -1) {
		finding_add("file-missing", "%s: %s\n%s", script,
		    strerror(errno),
		    strchr(file_base(script), ':') != NULL
			? "name the script alone, which a server starts; its "
			  "first line names a callable"
			: "check the name; capital letters count");
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		finding_add("file-type",
		    "%s is not a regular file\nname the script itself", script);
		return false;
	}
	check_access(account, script);
	if (!finding_has("file-"))
		finding_add("file", "%s may read%s %s", account->name,
		    permissions_is_executed(script) ? " and execute" : "",
		    script);
	check_rights(script, file);
	return true;
}

/* Whether the user may append to a file, or make it if it is not there. */
static bool
may_write(const struct user *account, const char *path)
{
	char *folder;
	bool result;

	if (access(path, F_OK) == 0)
		return user_may(account, path, W_OK);
	folder = file_folder(path);
	result = folder != NULL && user_may(account, folder, W_OK | X_OK);
	free(folder);
	return result;
}

static void
check_log(const struct user *account, const char *log, const char *root)
{
	if (!may_write(account, log))
		finding_add("log-file",
		    "%s may not write the log %s\nlet this user write there, "
		    "or name another file behind --log",
		    account->name, log);
	else if (served_has(root, log))
		finding_add("log-public",
		    "the log %s lies in %s, where a server may hand it out\n"
		    "in the first line: --log %.*s/%s",
		    log, root, (int)(strrchr(root, '/') - root), root,
		    file_base(log));
	else
		finding_add("log", "%s may write %s", account->name, log);
}

/*
 * The folder that everyone may write, of a folder and those above it: what it
 * has in it can be replaced, but with the sticky bit only by who owns it (H5).
 */
static char *
find_shared(const char *path)
{
	char *folder = strdup(path), *slash = folder;
	struct stat st;

	while (slash != NULL && *folder != '\0') {
		if (stat(folder, &st) == 0 && st.st_mode & S_IWOTH &&
		    (!(st.st_mode & S_ISVTX) || strcmp(folder, path) == 0))
			return folder;
		if ((slash = strrchr(folder, '/')) != NULL)
			*slash = '\0';
	}
	free(folder);
	return NULL;
}

/* A folder that Python looks for modules in, and the option that named it. */
static void
check_path(const struct user *account, const char *path, const char *root,
    const char *option)
{
	char *shared = find_shared(path);
	struct stat st;

	if (shared != NULL && stat(shared, &st) == 0)
		finding_add("path-shared",
		    "everyone may write the folder %s, of %s, so anyone could "
		    "run code here\n%s%s",
		    shared, option,
		    st.st_mode & S_ISVTX ? PRIVATE : "type: chmod o-w ",
		    st.st_mode & S_ISVTX ? "" : words_quote(shared));
	else if (stat(path, &st) == -1 && errno == ENOENT)
		finding_add("path-unusable",
		    "%s names %s, which is not there\ncorrect the name, or "
		    "take it away",
		    option, path);
	else if (!user_may(account, path, R_OK) ||
	    (stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
		!user_may(account, path, X_OK)))
		finding_add("path-unusable",
		    "%s may not look for modules in %s, of %s\ntype: chmod "
		    "a+rX %s",
		    account->name, path, option, words_quote(path));
	else if (served_has(root, path))
		finding_add("path-public",
		    "the modules in %s, of %s, lie in %s, where a server may "
		    "hand them out\nmove them to a folder that is not served",
		    path, option, root);
	free(shared);
}

/* Where Python looks for modules beside the script's folder. */
static void
check_paths(const struct user *account, const struct invocation *invocation,
    const char *root)
{
	const struct options *options = &invocation->options;
	char *path, *items, *rest, *item;
	int i;

	for (i = 0; i < options->paths.count; i++)
		if ((path = file_path(
			 invocation->folder, options->paths.word[i])) != NULL) {
			check_path(account, path, root, "--path");
			free(path);
		}
	for (i = 0; i < options->settings.count; i++) {
		if (strcmp(options->settings.list[i].name, "PYTHONPATH") != 0)
			continue;
		items = rest = strdup(options->settings.list[i].value);
		while ((item = strsep(&rest, ":")) != NULL)
			if (*item != '\0' &&
			    (path = file_path(invocation->folder, item)) !=
				NULL) {
				check_path(account, path, root, "PYTHONPATH");
				free(path);
			}
		free(items);
	}
	if (!finding_has("path-") && options->paths.count > 0)
		finding_add(
		    "path", "%s may read the folders of --path", account->name);
}

void
permissions_check_options(const struct user *account,
    const struct invocation *invocation, const char *script)
{
	const char *venv = invocation_unused_venv(invocation);
	char *log, *folder = file_folder(script),
		   *root = folder == NULL
	    ? NULL
	    : served_root(folder, &invocation->options.settings);

	if (venv != NULL)
		finding_add("venv-unused",
		    "the virtual environment %s beside the script is not "
		    "used\nin the first line: --venv %s",
		    venv, venv);
	free(folder);
	if (root == NULL)
		return;
	served_check(account, script, root);
	check_paths(account, invocation, root);
	if (invocation->options.log != NULL &&
	    strcmp(invocation->options.log, "-") != 0 &&
	    (log = file_path(invocation->folder, invocation->options.log)) !=
		NULL) {
		check_log(account, log, root);
		free(log);
	}
	free(root);
}

static const char *
show_limit(char *text, size_t size, rlim_t value, const char *unit)
{
	if (value == RLIM_INFINITY)
		return "unlimited";
	snprintf(text, size, "%llu%s", (unsigned long long)value, unit);
	return text;
}

static void
check_limits(rlim_t memory, rlim_t time, rlim_t processes)
{
	if (memory < (rlim_t)LEAST_MEMORY)
		finding_add("limit-memory",
		    "memory is limited to %llu MB (ulimit -v, -d): Python with "
		    "a framework may need more\nask the host for 256 MB",
		    (unsigned long long)memory >> 20);
	if (time < LEAST_TIME)
		finding_add("limit-cpu",
		    "a process gets %llu seconds of the processor (ulimit "
		    "-t)\nask the host for %d",
		    (unsigned long long)time, LEAST_TIME);
	if (processes < LEAST_PROCESSES)
		finding_add("limit-processes",
		    "the user may have %llu processes at once (ulimit -u), and "
		    "each request takes one\nask the host for %d",
		    (unsigned long long)processes, LEAST_PROCESSES);
}

void
permissions_check_limits(void)
{
	struct rlimit all, data, time, processes;
	char megabytes[24], seconds[24], number[24];
	rlim_t memory;

	if (getrlimit(RLIMIT_AS, &all) == -1 ||
	    getrlimit(RLIMIT_DATA, &data) == -1 ||
	    getrlimit(RLIMIT_CPU, &time) == -1 ||
	    getrlimit(RLIMIT_NPROC, &processes) == -1)
		return;
	memory = data.rlim_cur < all.rlim_cur ? data.rlim_cur : all.rlim_cur;
	check_limits(memory, time.rlim_cur, processes.rlim_cur);
	if (finding_has("limit-"))
		return;
	finding_add("limits",
	    "memory %s, processor time %s, processes %s; a server may set "
	    "others (Apache: RLimitMEM, RLimitCPU, RLimitNPROC)",
	    show_limit(megabytes, sizeof(megabytes),
		memory == RLIM_INFINITY ? memory : memory >> 20, " MB"),
	    show_limit(seconds, sizeof(seconds), time.rlim_cur, " s"),
	    show_limit(number, sizeof(number), processes.rlim_cur, ""));
}
