/*
 * Who can write into this folder runs code as its user; who can read it learns
 * an application's secrets. So it lies where no web server looks, each folder
 * on its way is the user's or root's, and a file is looked at after it was
 * opened, never before. What goes wrong here costs time and nothing else: the
 * caller does without.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgi/log.h"
#include "invocation/file.h"
#include "python/cache.h"

#ifndef O_PATH
#define O_PATH 0
#endif

#define FOLDER (O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define ABANDONED 3600 /* seconds after which nobody finishes a file */

static const char unfinished[] = ".new";
static const char denial[] = "Require all denied\n";

static struct {
	int folder;
	char *path;
	const char *complaint;
} cache = { .folder = -1 };

/* Whether only the user and root may write; may_be_sticky: or may replace. */
static bool
is_ours(int descriptor, bool may_be_sticky)
{
	struct stat st;

	return fstat(descriptor, &st) == 0 &&
	    (st.st_uid == 0 || st.st_uid == geteuid()) &&
	    ((st.st_mode & (S_IWGRP | S_IWOTH)) == 0 ||
		(may_be_sticky && (st.st_mode & S_ISVTX) != 0));
}

/* Opens a path without links if each folder of it is ours. */
static int
open_checked(const char *path)
{
	char *copy = strdup(path), *rest = copy, *part;
	int folder = copy != NULL ? open("/", O_PATH | FOLDER) : -1, next;

	while (folder != -1 && (part = strsep(&rest, "/")) != NULL) {
		if (*part == '\0')
			continue;
		next = is_ours(folder, true)
		    ? openat(folder, part, O_PATH | FOLDER)
		    : -1;
		close(folder);
		folder = next;
	}
	if (folder != -1 && !is_ours(folder, true)) {
		close(folder);
		folder = -1;
	}
	free(copy);
	return folder;
}

static bool
is_below(const char *path, const char *folder)
{
	char real[PATH_MAX];
	size_t length;

	if (folder == NULL || realpath(folder, real) == NULL)
		return false;
	length = strlen(real);
	if (real[length - 1] == '/')
		length--;
	return strncmp(path, real, length) == 0 &&
	    (path[length] == '/' || path[length] == '\0');
}

/* Opens the last folder of a path, in a folder that was opened. */
static int
open_last(int parent, const char *name)
{
	int folder = openat(parent, name, O_PATH | FOLDER);

	if (folder == -1 && errno == ENOENT &&
	    (mkdirat(parent, name, 0700) == 0 || errno == EEXIST))
		folder = openat(parent, name, O_PATH | FOLDER);
	if (folder == -1) {
		cache.complaint = strerror(errno);
		return -1;
	}
	if (is_ours(folder, false))
		return folder;
	close(folder);
	cache.complaint = "others own it, or may write to it";
	return -1;
}

/* Returns whether a folder can be had; then it is the cache's. */
static bool
use_folder(const char *path, const char *const served[2])
{
	const char *slash = strrchr(path, '/');
	char real[PATH_MAX], *above = strndup(path, (size_t)(slash - path));
	int parent = -1;

	cache.complaint = "it does not exist";
	if (above != NULL && realpath(*above ? above : "/", real) != NULL &&
	    asprintf(&cache.path, "%s%s", real[1] != '\0' ? real : "", slash) !=
		-1) {
		if (is_below(cache.path, served[0]) ||
		    is_below(cache.path, served[1]))
			cache.complaint = "the web server hands it out";
		else if ((parent = open_checked(real)) == -1)
			cache.complaint = "others own a folder above it, or "
					  "may write to it";
	}
	free(above);
	if (parent != -1) {
		cache.folder = open_last(parent, slash + 1);
		close(parent);
	}
	if (cache.folder == -1) {
		free(cache.path);
		cache.path = NULL;
	}
	return cache.folder != -1;
}

/* HOME if it is the user's own: www-data's is root's, or has the site in it. */
static bool
use_home(const char *home, const char *const served[2])
{
	char *above, *path;
	struct stat st;
	bool used;

	if (home == NULL || *home != '/' || stat(home, &st) == -1 ||
	    st.st_uid != geteuid())
		return false;
	above = file_path(home, ".cache");
	path = file_path(above, "cgi2wsgi");
	if (!is_below(above, served[0]) && !is_below(above, served[1]))
		mkdir(above, 0700);
	used = use_folder(path, served);
	free(path);
	free(above);
	return used;
}

/* What --cache names, in the application's folder. */
static bool
use_chosen(const struct invocation *invocation, const char *const served[2])
{
	char *path = file_path(invocation->folder, invocation->options.cache);
	size_t length = strlen(path);
	bool used;

	while (length > 1 && path[length - 1] == '/')
		path[--length] = '\0';
	used = *path == '/' && use_folder(path, served);
	free(path);
	return used;
}

/* The first of the usual ones. */
static bool
use_usual(const char *home, const char *const served[2])
{
	char path[sizeof("/var/cache/cgi2wsgi/") + 3 * sizeof(long)];
	long user = (long)geteuid();

	snprintf(path, sizeof(path), "/var/cache/cgi2wsgi/%ld", user);
	if (use_folder(path, served) || use_home(home, served))
		return true;
	snprintf(path, sizeof(path), "/var/tmp/cgi2wsgi-%ld", user);
	return use_folder(path, served);
}

int
cache_open(const struct invocation *invocation, const char *home,
    const char *const served[2])
{
	const char *chosen = invocation->options.cache;
	bool used = false;

	cache.complaint = "--cache none was given";
	if (chosen == NULL)
		used = use_usual(home, served);
	else if (strcmp(chosen, "none") != 0)
		used = use_chosen(invocation, served);
	if (used)
		cache.complaint = NULL;
	return used ? 0 : -1;
}

const char *
cache_folder(void)
{
	return cache.path;
}

const char *
cache_complaint(void)
{
	return cache.complaint;
}

uint64_t
cache_hash(const char *bytes, size_t size)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (; size > 0; bytes++, size--)
		hash = (hash ^ (unsigned char)*bytes) * UINT64_C(1099511628211);
	return hash;
}

char *
cache_name(const char *file, const char *ending)
{
	char *name;

	return asprintf(&name, "%.100s-%016llx%s", file_base(file),
		   (unsigned long long)cache_hash(file, strlen(file)),
		   ending) == -1
	    ? NULL
	    : name;
}

int
cache_read(const char *name, struct stat *st)
{
	int file;

	if (cache.folder == -1)
		return -1;
	/* A FIFO would have us wait. */
	file = openat(
	    cache.folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (file == -1 ||
	    (fstat(file, st) == 0 && S_ISREG(st->st_mode) &&
		is_ours(file, false)))
		return file;
	close(file);
	return -1;
}

void
cache_remove(const char *name)
{
	unlinkat(cache.folder, name, 0);
}

/* In case that a web server looks here after all. */
static void
deny_all(void)
{
	int file = openat(cache.folder, ".htaccess",
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (file == -1)
		return;
	if (write(file, denial, sizeof(denial) - 1) == -1)
		unlinkat(cache.folder, ".htaccess", 0);
	else
		log_note_other_write();
	close(file);
}

int
cache_create(const char *name, char **temporary)
{
	int file;

	*temporary = NULL;
	if (cache.folder == -1 ||
	    asprintf(temporary, "%s.%ld%s", name, (long)getpid(), unfinished) ==
		-1)
		return -1;
	deny_all();
	/* What a process with this number left behind when it was killed. */
	unlinkat(cache.folder, *temporary, 0);
	file = openat(cache.folder, *temporary,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file == -1) {
		free(*temporary);
		*temporary = NULL;
	}
	return file;
}

static bool
ends_in(const char *name, const char *ending)
{
	size_t length = strlen(name), size = strlen(ending);

	return length > size && strcmp(name + length - size, ending) == 0;
}

/*
 * Looks through the folder: counts what has the ending, and puts the name of
 * the oldest into oldest. Files that nobody will finish are removed.
 */
static size_t
find_oldest(DIR *entries, const char *ending, char *oldest, size_t room)
{
	struct dirent *entry;
	struct stat st;
	time_t now = time(NULL), first = 0;
	size_t count = 0;

	while ((entry = readdir(entries)) != NULL) {
		const char *name = entry->d_name;

		if (fstatat(cache.folder, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
			continue;
		if (ends_in(name, unfinished) && now - st.st_mtime > ABANDONED)
			unlinkat(cache.folder, name, 0);
		if (!ends_in(name, ending))
			continue;
		if (count++ == 0 || st.st_mtime < first) {
			first = st.st_mtime;
			snprintf(oldest, room, "%s", name);
		}
	}
	return count;
}

static void
remove_oldest(const char *ending, size_t most)
{
	char oldest[NAME_MAX + 1];
	int folder = openat(cache.folder, ".", O_RDONLY | FOLDER);
	DIR *entries = folder != -1 ? fdopendir(folder) : NULL;

	if (entries == NULL && folder != -1)
		close(folder);
	while (entries != NULL &&
	    find_oldest(entries, ending, oldest, sizeof(oldest)) > most &&
	    unlinkat(cache.folder, oldest, 0) == 0)
		rewinddir(entries);
	if (entries != NULL)
		closedir(entries);
}

int
cache_publish(int file, char *temporary, const char *name, const char *ending,
    size_t most)
{
	int result = -1;

	if (name != NULL)
		result = renameat(cache.folder, temporary, cache.folder, name);
	if (result == -1)
		unlinkat(cache.folder, temporary, 0);
	close(file);
	if (result == 0)
		remove_oldest(ending, most);
	return result;
}
