/*
 * An image is left behind by the first request that could not use one. The
 * process that answers goes on at once: its child's child writes, has a probe
 * start from the file, and only then gives it its name. Of two such requests
 * one gets the lock; if that one is killed, the lock is gone, and the next
 * writes the unfinished file anew.
 */

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgi/process.h"
#include "cgi/report.h"
#include "cgi/request.h"
#include "image/dump.h"
#include "image/keep.h"
#include "image/key.h"
#include "python/traceback.h"

#define NOTE "CGI2WSGI_PRELOAD"
#define PATIENCE 120 /* seconds for writing and probing */
#define TICKS INT64_C(20000000) /* of a file system's clock, at most */
#define SECOND INT64_C(1000000000)
#define DESCRIPTORS 1024
#define MOST_IMAGES 64 /* of a user, with what is unfinished */
#define BELOW 4096 /* bytes: beyond the frames of who writes */

extern char **environ;

static struct {
	bool wanted, probe, noted;
	int64_t began;
	struct key key;
	char **whole; /* the environment as the process got it */
	char **first; /* without the request's variables */
	bool open[DESCRIPTORS];
	char path[PLACE_SIZE]; /* of the image, without suffix */
	int file; /* the unfinished image, locked */
	void (*wake)(void);
	struct sigaction signals[NSIG];
	/* what the import has set (value) or removed (NULL) */
	struct key_variable *changes;
	size_t change_count;
} keep = { .file = -1 };

/* With or without the variables of the request. */
static char **
copy_environment(bool whole)
{
	size_t count = 0, kept = 0, i;
	char **copy;

	while (environ[count] != NULL)
		count++;
	if ((copy = calloc(count + 1, sizeof(*copy))) == NULL)
		return NULL;
	for (i = 0; i < count; i++)
		if (whole ||
		    !request_is_meta(environ[i], strcspn(environ[i], "=")))
			copy[kept++] = environ[i];
	return copy;
}

/* The note is "PID how execfn"; one that a parent left is nobody's. */
void
keep_begin(int argc, char **argv)
{
	const char *note = getenv(NOTE), *name;
	struct timespec now;
	char *how;
	long id;

	if (note == NULL)
		return;
	id = strtol(note, &how, 10);
	name = *how == ' ' ? strchr(how + 1, ' ') : NULL;
	if (name != NULL && id == (long)getpid()) {
		keep.wanted = strncmp(how, " save ", 6) == 0;
		process_begin_as(name + 1);
	}
	unsetenv(NOTE);
	clock_gettime(CLOCK_REALTIME, &now);
	keep.began = now.tv_sec * SECOND + now.tv_nsec - TICKS;
	keep.whole = copy_environment(true);
	keep.first = copy_environment(false);
	keep.key.caller = (struct place_caller){ .execfn = process_execfn(NULL),
		.argc = argc,
		.argv = argv,
		.environment = keep.whole };
	if (keep.whole == NULL || keep.first == NULL ||
	    keep.key.caller.execfn == NULL || !place_boot(keep.key.caller.boot))
		keep.wanted = false;
}

bool
keep_is_wanted(void)
{
	return keep.wanted;
}

static bool
is_open(int descriptor)
{
	return fcntl(descriptor, F_GETFD) != -1;
}

/* What place_image() named, with an ending. */
static const char *
name_file(char path[PLACE_SIZE], const char *ending)
{
	strcpy(stpcpy(path, keep.path), ending); /* place_image() left room */
	return path;
}

/* Why an image cannot be; a while later it is tried again. */
static void
refuse(const char *reason, const char *detail)
{
	char path[PLACE_SIZE];
	int file;

	keep.wanted = false;
	report_log(REPORT_PRELOAD, "no image: %s%s%s", reason,
	    *detail ? ": " : "", detail);
	if (keep.path[0] == '\0')
		return;
	unlink(name_file(path, PLACE_NEW));
	name_file(path, PLACE_REFUSAL);
	file = open(
	    path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file != -1) {
		dprintf(file, "%s%s%s\n", reason, *detail ? ": " : "", detail);
		close(file);
	}
}

static void
refuse_python(void)
{
	PyErr_Clear();
	refuse("Python does not tell what the import read", "");
}

void
keep_watch(void)
{
	int i;

	if (!keep.wanted)
		return;
	for (i = 0; i < DESCRIPTORS; i++)
		keep.open[i] = is_open(i);
	if (key_watch() == -1)
		refuse_python();
}

void
keep_note(const struct invocation *invocation)
{
	struct place_caller *caller = &keep.key.caller;
	char *repeated;

	if (!keep.wanted)
		return;
	caller->is_line = invocation->way == WAY_LINE;
	if (caller->is_line ? caller->argc > 3 ||
		    strcmp(caller->argv[caller->argc - 1], caller->execfn) != 0
			    : invocation->way != WAY_ARGS) {
		keep.wanted = false;
		return;
	}
	if (place_image(caller, keep.path, true) == 0) {
		keep.path[0] = '\0';
		refuse("there is no folder for it that is the user's own", "");
	} else if (key_collect(&keep.key, keep.first, invocation) == -1)
		refuse_python();
	else if ((repeated = key_repeated()) != NULL) {
		refuse("an own random.Random() would repeat itself", repeated);
		free(repeated);
	} else
		keep.noted = true;
}

/* A descriptor that the import has opened: the first one's name. */
static bool
find_descriptor(char *name, size_t size)
{
	char path[64];
	ssize_t length;
	int i;

	for (i = 3; i < DESCRIPTORS; i++)
		if (!keep.open[i] && is_open(i)) {
			snprintf(path, sizeof(path), "/proc/self/fd/%d", i);
			length = readlink(path, name, size - 1);
			name[length > 0 ? length : 0] = '\0';
			return true;
		}
	return false;
}

static int
count_threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	int count = 0;

	while (folder != NULL && readdir(folder) != NULL)
		count++;
	if (folder != NULL)
		closedir(folder);
	return count - 2; /* . and .. */
}

/* What a child would share with its parent, or not have. */
static bool
is_refused(void)
{
	siginfo_t child;
	char name[256];

	if (find_descriptor(name, sizeof(name)))
		refuse("the import left a descriptor open", name);
	else if (count_threads() != 1)
		refuse("the import started a thread", "");
	else if (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0)
		refuse("the import started a process", "");
	else
		return false;
	return true;
}

/* The unfinished image, which only one process writes. */
static bool
lock_file(void)
{
	char path[PLACE_SIZE];
	struct stat ours, there;

	name_file(path, PLACE_NEW);
	keep.file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (keep.file == -1) {
		refuse("cannot write it", strerror(errno));
		return false;
	}
	if (flock(keep.file, LOCK_EX | LOCK_NB) == 0 &&
	    fstat(keep.file, &ours) == 0 && lstat(path, &there) == 0 &&
	    ours.st_ino == there.st_ino && ftruncate(keep.file, 0) == 0)
		return true;
	close(keep.file);
	return false;
}

static int
add_change(const char *name, const char *value)
{
	struct key_variable *grown = realloc(
	    keep.changes, (keep.change_count + 1) * sizeof(*grown));

	if (grown == NULL)
		return -1;
	keep.changes = grown;
	grown += keep.change_count++;
	grown->name = strdup(name);
	grown->value = value != NULL ? strdup(value) : NULL;
	return grown->name != NULL ? 0 : -1;
}

/* What the process has set since the beginning, and what it has removed. */
static int
note_changes(void)
{
	char **variable, *name;
	const char *before, *now;
	int result = 0, list;

	for (list = 0; list < 2; list++)
		for (variable = list == 0 ? environ : keep.first;
		     result == 0 && *variable != NULL; variable++) {
			name = strndup(*variable, strcspn(*variable, "="));
			if (name == NULL)
				return -1;
			now = place_variable(environ, name);
			before = place_variable(keep.first, name);
			if (now == NULL || before == NULL ||
			    strcmp(now, before) != 0)
				result = add_change(name, now);
			free(name);
		}
	return result;
}

/* The first request's words have no business in an image. */
static void
wipe_request(void)
{
	char **variable, *value;
	size_t length;

	for (variable = keep.whole; *variable != NULL; variable++) {
		length = strcspn(*variable, "=");
		value = *variable + length;
		if (request_is_meta(*variable, length) && *value == '=')
			memset(value + 1, 0, strlen(value + 1));
	}
}

static void
awake(const struct image_call *call)
{
	environ = call->environment;
	keep.probe = call->probe != 0;
	keep.wake();
}

/* In the process that is saved. */
static int
save(void)
{
	const char *reason;
	char here;

	wipe_request();
	reason = dump_write(
	    keep.file, &keep.key, awake, (uintptr_t)&here - BELOW);
	if (reason != NULL)
		refuse(reason, "");
	return reason != NULL;
}

static bool
ends_well(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) == -1)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Started as the server starts it, from the unfinished file. */
static void
execute_probe(void)
{
	char *script[] = { (char *)(uintptr_t)keep.key.caller.execfn, NULL };

	if (setenv(PLACE_PROBE, "1", 1) == 0)
		execve(keep.key.caller.execfn,
		    keep.key.caller.is_line ? script : keep.key.caller.argv,
		    environ);
}

static void
hush(int descriptor, int null)
{
	struct stat st;

	/* Whoever waits for the end of a pipe would wait for us. */
	if (fstat(descriptor, &st) == -1 || !S_ISREG(st.st_mode))
		dup2(null, descriptor);
}

static bool
probe(void)
{
	pid_t child;

	if ((child = fork()) == 0) {
		environ = keep.whole;
		execute_probe();
		_exit(EXIT_FAILURE);
	}
	return child != -1 && ends_well(child);
}

/* Whether a folder's entry is an image or what remained of one. */
static bool
is_image(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot != NULL &&
	    (strcmp(dot, PLACE_IMAGE) == 0 || strcmp(dot, PLACE_NEW) == 0 ||
		strcmp(dot, PLACE_REFUSAL) == 0);
}

/* Images of applications and hosts that are no more would stay for ever. */
static void
remove_oldest(void)
{
	char *slash = strrchr(keep.path, '/'), *oldest;
	time_t age;
	struct dirent *entry;
	struct stat st;
	DIR *folder;
	int count;

	*slash = '\0';
	folder = opendir(keep.path);
	do {
		count = 0;
		age = 0;
		oldest = NULL;
		if (folder != NULL)
			rewinddir(folder);
		while (folder != NULL && (entry = readdir(folder)) != NULL) {
			if (!is_image(entry->d_name) ||
			    fstatat(dirfd(folder), entry->d_name, &st,
				AT_SYMLINK_NOFOLLOW) == -1)
				continue;
			count++;
			if (oldest == NULL || st.st_mtime < age) {
				free(oldest);
				oldest = strdup(entry->d_name);
				age = st.st_mtime;
			}
		}
		if (oldest != NULL && count > MOST_IMAGES)
			unlinkat(dirfd(folder), oldest, 0);
		free(oldest);
	} while (count > MOST_IMAGES);
	if (folder != NULL)
		closedir(folder);
	*slash = '/';
}

static void
publish(void)
{
	char path[PLACE_SIZE], image[PLACE_SIZE];
	pid_t child;

	if ((child = fork()) == 0)
		_exit(save());
	if (child == -1 || !ends_well(child))
		return;
	if (!probe()) {
		refuse("a process that was started from it failed", "");
		return;
	}
	name_file(image, PLACE_IMAGE);
	if (rename(name_file(path, PLACE_NEW), image) == -1)
		refuse("cannot publish it", strerror(errno));
	else {
		unlink(name_file(path, PLACE_REFUSAL));
		report_log(REPORT_PRELOAD, "an image was made: %s", image);
		remove_oldest();
	}
}

/* Of nobody's group, with descriptors that nobody waits for. */
static void
detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	signal(SIGTERM, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	alarm(PATIENCE);
	hush(STDIN_FILENO, null);
	hush(STDOUT_FILENO, null);
	hush(STDERR_FILENO, null);
	close(null);
}

/* A child of a child: whoever answers has no child to wait for. */
static void
fork_twice(void)
{
	pid_t child = fork();

	if (child == 0) {
		if (fork() == 0) {
			detach();
			publish();
		}
		_exit(EXIT_SUCCESS);
	}
	if (child != -1)
		ends_well(child);
}

void
keep_image(void (*wake)(void))
{
	int i;

	if (!keep.wanted || !keep.noted || is_refused() ||
	    key_is_newer(&keep.key, keep.began) || !lock_file())
		return;
	keep.wake = wake;
	for (i = 1; i < NSIG; i++)
		sigaction(i, NULL, &keep.signals[i]);
	if (note_changes() == 0) {
		PyOS_BeforeFork();
		fork_twice();
		PyOS_AfterFork_Parent();
	}
	close(keep.file);
	keep.file = -1;
}

static void
change_environment(void)
{
	const struct key_variable *change = keep.changes;
	size_t i;

	for (i = 0; i < keep.change_count; i++, change++)
		if (change->value != NULL)
			setenv(change->name, change->value, 1);
		else
			unsetenv(change->name);
}

static void
restore_signals(void)
{
	int i;

	for (i = 1; i < NSIG; i++)
		if (keep.signals[i].sa_handler != SIG_DFL)
			sigaction(i, &keep.signals[i], NULL);
}

/* os.environ and os.environb share one dict, which stays. */
static int
renew_environ(void)
{
	PyObject *os = PyImport_ImportModule("os"), *object = NULL,
		 *data = NULL, *name, *value;
	char **variable;
	size_t length;
	int result = -1;

	if (os != NULL)
		object = PyObject_GetAttrString(os, "environ");
	if (object != NULL)
		data = PyObject_GetAttrString(object, "_data");
	if (data != NULL && PyDict_Check(data)) {
		PyDict_Clear(data);
		result = 0;
	}
	for (variable = environ; result == 0 && *variable != NULL; variable++) {
		length = strcspn(*variable, "=");
		if ((*variable)[length] == '\0')
			continue;
		name = PyBytes_FromStringAndSize(*variable, (Py_ssize_t)length);
		value = PyBytes_FromString(*variable + length + 1);
		result = name != NULL && value != NULL
		    ? PyDict_SetItem(data, name, value)
		    : -1;
		Py_XDECREF(name);
		Py_XDECREF(value);
	}
	Py_XDECREF(data);
	Py_XDECREF(object);
	Py_XDECREF(os);
	return result;
}

int
keep_resume(void)
{
	restore_signals();
	change_environment();
	PyOS_AfterFork_Child();
	if (renew_environ() == -1)
		return traceback_fail(REPORT_SYSTEM, "cannot renew os.environ");
	process_resume();
	if (keep.probe)
		_exit(EXIT_SUCCESS);
	return 0;
}
