/*
 * An application may set its umask, working folder, limits, niceness, signals
 * or variables while it is imported. A forked child would have them, too. What
 * it did not change is the new process's own.
 *
 * Threads and processes a child does not have, and a descriptor it shares with
 * its parent. One kind can be made again: a file that is only read, is not
 * locked, and that the key has, or that is in memory as a library is, so that
 * it is as it was. libffi 3.5 keeps its own one open, to map it again.
 */

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "image/inherited.h"

#define LIMITS RLIM_NLIMITS
#define DESCRIPTORS 1024
#define FILES 16
#define MOMENTS 20 /* milliseconds */

extern char **environ;

struct state {
	mode_t mask;
	char *folder;
	int nice;
	sigset_t blocked;
	struct rlimit limits[LIMITS];
	char **environment;
	bool open[DESCRIPTORS];
	off_t offset[DESCRIPTORS]; /* then: who answers shares it and goes on */
	long child; /* see last_child() */
};

static struct state before, after;
static struct sigaction handlers[NSIG]; /* of the import */

/* Files that the import left open. */
static struct file {
	int number, flags, closing; /* of F_GETFL and F_GETFD, fcntl(2) */
	off_t offset;
	struct image_stat was;
	char name[PLACE_SIZE];
} files[FILES];
static int file_count, opened_count, open_error;
static bool parted; /* inherited_part() */

/*
 * mini_httpd starts its script in a process that has a child. Returns the
 * youngest one's id, or 0: there is none, or the kernel does not tell.
 */
static long
last_child(void)
{
	FILE *file = fopen("/proc/thread-self/children", "re");
	long id = 0;

	while (file != NULL && fscanf(file, "%ld", &id) == 1)
		;
	if (file != NULL)
		fclose(file);
	return id;
}

static void
look(struct state *state)
{
	bool was_open;
	unsigned i;

	state->mask = umask(0);
	umask(state->mask);
	free(state->folder);
	state->folder = getcwd(NULL, 0);
	state->nice = getpriority(PRIO_PROCESS, 0);
	sigprocmask(SIG_BLOCK, NULL, &state->blocked);
	for (i = 0; i < LIMITS; i++)
		getrlimit(i, &state->limits[i]);
	for (i = 0; i < DESCRIPTORS; i++) {
		was_open = state->open[i];
		state->open[i] = fcntl((int)i, F_GETFD) != -1;
		if (state->open[i] && (!was_open || parted))
			state->offset[i] = lseek((int)i, 0, SEEK_CUR);
	}
	state->child = last_child();
}

static char **
copy_list(char **list, char **old)
{
	size_t count = 0;
	char **copy;

	while (list[count++] != NULL)
		;
	copy = realloc(old, count * sizeof(*copy));
	return copy != NULL ? memcpy(copy, list, count * sizeof(*copy)) : NULL;
}

void
inherited_begin(char **environment)
{
	look(&before);
	before.environment = copy_list(environment, NULL);
}

/* A thread that was joined is there until the kernel has ended it. */
static bool
has_threads(void)
{
	struct stat tasks; /* a folder: links to it are two more than threads */
	int i;

	for (i = 0; i < MOMENTS; i++) {
		if (stat("/proc/self/task", &tasks) == -1 || tasks.st_nlink < 4)
			return false;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return true;
}

/* Then it counts as a library does. */
static bool
is_mapped(const struct file *file)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[PLACE_SIZE + 128], *name;
	bool found = false;

	while (!found && maps != NULL && fgets(line, sizeof(line), maps)) {
		line[strcspn(line, "\n")] = '\0';
		name = strchr(line, '/');
		found = name != NULL && strcmp(name, file->name) == 0;
	}
	if (maps != NULL)
		fclose(maps);
	return found;
}

/* Another process would not have the lock (flock(2), fcntl(2)). */
static bool
is_locked(int number)
{
	char line[PLACE_SIZE];
	FILE *file;
	bool found = false;

	snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", number);
	file = fopen(line, "re");
	while (!found && file != NULL && fgets(line, sizeof(line), file))
		found = strncmp(line, "lock:", 5) == 0;
	if (file != NULL)
		fclose(file);
	return found;
}

/* Whether another process can have the same by opening its name. */
static bool
can_open_again(int number, const struct key *key, struct file *file)
{
	struct image_stat there;

	file->number = number;
	file->flags = fcntl(number, F_GETFL);
	file->closing = fcntl(number, F_GETFD);
	file->offset = after.offset[number];
	place_stat(number, "", AT_EMPTY_PATH, &file->was);
	place_stat(AT_FDCWD, file->name, 0, &there);
	return S_ISREG((mode_t)file->was.mode) &&
	    (file->flags & (O_ACCMODE | O_PATH)) == O_RDONLY &&
	    place_same(&file->was, &there, IMAGE_WHOLE) && !is_locked(number) &&
	    (key == NULL || is_mapped(file) || key_has(key, &file->was));
}

/* Each descriptor that the import has opened. */
static bool
are_opened_again(int mine, const struct key *key, char detail[256])
{
	struct file *file;
	char link[32];
	ssize_t length;
	int i;

	file_count = 0;
	for (i = 3; i < DESCRIPTORS; i++) {
		if (!after.open[i] || before.open[i] || i == mine)
			continue;
		file = &files[file_count];
		snprintf(link, sizeof(link), "/proc/self/fd/%d", i);
		length = readlink(link, file->name, sizeof(file->name) - 1);
		file->name[length > 0 ? length : 0] = '\0';
		if (!can_open_again(i, key, file) || file_count == FILES - 1) {
			snprintf(detail, 256, "%s", file->name);
			return false;
		}
		file_count++;
	}
	return true;
}

const char *
inherited_end(int mine, const struct key *key, char detail[256])
{
	siginfo_t child;
	int i;

	detail[0] = '\0';
	look(&after);
	/* Who has a key is a child that handles signals in its own way. */
	for (i = 1; i < NSIG && key == NULL; i++)
		sigaction(i, NULL, &handlers[i]);
	after.environment = copy_list(environ, after.environment);
	if (before.folder == NULL || after.folder == NULL ||
	    before.environment == NULL || after.environment == NULL)
		return "no memory";
	if (!are_opened_again(mine, key, detail))
		return "the import left a descriptor open";
	if (has_threads())
		return "the import started a thread";
	if ((after.child == 0 || after.child != before.child) &&
	    waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0)
		return "the import started a process";
	return NULL;
}

/* Over what the server may have left open there. */
static int
open_again(const struct file *file)
{
	struct image_stat now;
	int opened = open(file->name, file->flags | O_CLOEXEC), result = opened;

	if (opened != -1 && opened != file->number) {
		result = dup3(opened, file->number, O_CLOEXEC);
		close(opened);
	}
	if (result == -1)
		return -1;
	lseek(file->number, file->offset, SEEK_SET);
	place_stat(file->number, "", AT_EMPTY_PATH, &now);
	errno = ESTALE;
	return place_same(&file->was, &now, IMAGE_WHOLE) ? 0 : -1;
}

void
inherited_open(void)
{
	while (
	    opened_count < file_count && open_again(&files[opened_count]) == 0)
		opened_count++;
	open_error = errno;
}

bool
inherited_part(void)
{
	inherited_open();
	parted = opened_count == file_count;
	opened_count = 0; /* in a process that is saved */
	return parted;
}

static bool
has(char **list, const char *text)
{
	while (*list != NULL && strcmp(*list, text) != 0)
		list++;
	return *list != NULL;
}

static void
renew_environment(void)
{
	char **variable, *name;

	for (variable = after.environment; *variable != NULL; variable++)
		if (!has(before.environment, *variable))
			putenv(*variable);
	for (variable = before.environment; *variable != NULL; variable++) {
		name = strndupa(*variable, strcspn(*variable, "="));
		if (place_variable(after.environment, name) == NULL)
			unsetenv(name);
	}
}

static void
renew_signals(void)
{
	sigset_t set;
	int i;

	for (i = 1; i < NSIG; i++) {
		if (handlers[i].sa_handler != SIG_DFL)
			sigaction(i, &handlers[i], NULL);
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

const char *
inherited_renew(const char **name)
{
	const struct rlimit *limit = after.limits;
	int i;

	if (opened_count < file_count) {
		*name = files[opened_count].name;
		errno = open_error;
		return "open a file of the import again";
	}
	for (i = 0; i < file_count; i++)
		fcntl(files[i].number, F_SETFD, files[i].closing);
	renew_environment();
	renew_signals();
	if (after.mask != before.mask)
		umask(after.mask);
	if (after.nice != before.nice)
		setpriority(PRIO_PROCESS, 0, after.nice);
	for (i = 0; i < (int)LIMITS; i++, limit++)
		if (limit->rlim_cur != before.limits[i].rlim_cur ||
		    limit->rlim_max != before.limits[i].rlim_max)
			setrlimit((unsigned)i, limit);
	*name = after.folder;
	return strcmp(after.folder, before.folder) == 0 ||
		chdir(after.folder) == 0
	    ? NULL
	    : "change into the folder of the import";
}
