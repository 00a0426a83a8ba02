/*
 * An image is left behind by the first request that could not use one. The
 * process that answers goes on at once: its child's child makes the requests
 * of --preload-request, finds out what all of that depends on, has one more
 * child write, a probe start from the file, and only then gives it its name.
 * Of two such requests one gets the lock; if that one is killed, the lock is
 * gone, and the next writes the unfinished file anew.
 *
 * For cgi2wsgi --preload the process itself does so, and tells instead of
 * answering. A process from the image comes out of awake() and takes its place
 * in keep_resume().
 */

#include <sys/file.h>
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

#include "cgi/buffer.h"
#include "cgi/clock.h"
#include "cgi/process.h"
#include "cgi/reply.h"
#include "cgi/report.h"
#include "cgi/request.h"
#include "cgi/url.h"
#include "image/dump.h"
#include "image/inherited.h"
#include "image/keep.h"
#include "image/key.h"
#include "image/touched.h"
#include "python/cache.h"
#include "python/garbage.h"
#include "python/immortal.h"
#include "python/memory.h"
#include "python/shutdown.h"
#include "python/traceback.h"

#define NOTE "CGI2WSGI_PRELOAD"
#define PATIENCE 120 /* seconds for requests, writing and probing */
#define SOON 5 /* seconds: who was killed says nothing about the next one */
#define TICKS INT64_C(20000000) /* of a file system's clock, at most */
#define SECOND INT64_C(1000000000)
#define MOST_IMAGES 64 /* of a user */
#define BELOW 4096 /* bytes: beyond the frames of who writes */

extern char **environ;

static struct {
	bool wanted, probe;
	bool asleep; /* from an image, and not resumed yet */
	PyObject *environ; /* the dict of os.environ */
	enum { SAVE, MAKE, TRY } task; /* the last two: and tell */
	int64_t began;
	struct key key;
	char **whole; /* the environment as the process got it */
	char **first; /* without the request's variables */
	char image[PLACE_NAME], unfinished[PLACE_NAME], refusal[PLACE_NAME];
	int file; /* the unfinished image, locked */
	int reply; /* where to tell */
	char reason[512]; /* why there can be no image, or empty */
	int64_t import, start; /* nanoseconds until the border: both ways */
	int64_t size; /* of the image */
	size_t libraries;
	const struct keep_hooks *hooks;
	const struct options *options;
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
	const char *note = getenv(NOTE), *task = getenv(PRELOAD_MAKE), *name;
	struct timespec now;
	char *how;
	long id;

	if (note == NULL)
		return;
	id = strtol(note, &how, 10);
	name = *how == ' ' ? strchr(how + 1, ' ') : NULL;
	if (name != NULL && id == (long)getpid()) {
		keep.wanted = strncmp(how, " run ", 5) != 0;
		if (strncmp(how, " make ", 6) == 0 && task != NULL)
			keep.task = strcmp(task, "try") == 0 ? TRY : MAKE;
		process_begin_as(name + 1);
	}
	unsetenv(NOTE);
	unsetenv(PRELOAD_MAKE);
	clock_gettime(CLOCK_REALTIME, &now);
	keep.began = now.tv_sec * SECOND + now.tv_nsec - TICKS;
	keep.whole = copy_environment(true);
	keep.first = copy_environment(false);
	keep.key.caller = (struct place_caller){ .execfn = process_execfn(NULL),
		.argc = argc,
		.argv = argv,
		.environment = keep.whole };
	keep.key.working = getcwd(NULL, 0);
	if (keep.whole == NULL || keep.first == NULL ||
	    keep.key.working == NULL || keep.key.caller.execfn == NULL ||
	    !place_boot(keep.key.caller.boot))
		keep.wanted = false;
}

bool
keep_is_wanted(void)
{
	return keep.wanted;
}

/* Why an image cannot be; after so many seconds it is tried again. */
static void
refuse_for(int64_t seconds, const char *reason, const char *detail)
{
	struct timespec now;
	char *temporary;
	int file;

	snprintf(keep.reason, sizeof(keep.reason), "%s%s%s", reason,
	    *detail ? ": " : "", detail);
	if (keep.task == SAVE)
		report_log(REPORT_PRELOAD, "no image: %s", keep.reason);
	if ((file = cache_create(keep.refusal, &temporary)) == -1)
		return;
	dprintf(file, "%s\n", keep.reason);
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec -= PLACE_PATIENCE - seconds;
	futimens(file, (struct timespec[2]){ now, now });
	cache_publish(
	    file, temporary, keep.refusal, PLACE_REFUSAL, MOST_IMAGES);
	free(temporary);
}

static void
refuse(const char *reason, const char *detail)
{
	refuse_for(PLACE_PATIENCE, reason, detail);
}

void
keep_watch(void)
{
	if (!keep.wanted)
		return;
	keep.reply = keep.task == SAVE
	    ? -1
	    : fcntl(reply_descriptor(), F_DUPFD_CLOEXEC, 3);
	inherited_begin(keep.first);
	if (key_watch() == -1) {
		keep.wanted = false;
		PyErr_Clear();
	}
}

const char *
keep_home(void)
{
	return keep.wanted ? place_variable(keep.whole, "HOME")
			   : getenv("HOME");
}

/*
 * Whether the other program would know such a request again (preload.c), and
 * find what is put into the cache's folder.
 */
static bool
is_found_again(const struct invocation *invocation)
{
	struct place_caller *caller = &keep.key.caller;
	struct image_stat ours, there;
	int which, folder;
	bool found = false;

	caller->is_line = invocation->way == WAY_LINE;
	if (caller->is_line ? caller->argc > 3 ||
		    strcmp(caller->argv[caller->argc - 1], caller->execfn) != 0
			    : invocation->way != WAY_ARGS) {
		refuse("the server starts the application in a way that "
		       "cgi2wsgi-preload does not know",
		    "");
		return false;
	}
	place_name(caller, PLACE_IMAGE, keep.image);
	place_name(caller, PLACE_NEW, keep.unfinished);
	place_name(caller, PLACE_REFUSAL, keep.refusal);
	if (cache_folder() == NULL) {
		refuse("there is no folder for it that is the user's own",
		    cache_complaint() != NULL ? cache_complaint() : "");
		return false;
	}
	place_stat(AT_FDCWD, cache_folder(), 0, &ours);
	for (which = 0; which < PLACES && !found; which++) {
		if ((folder = place_open(caller, which)) == -1)
			continue;
		place_stat(folder, "", AT_EMPTY_PATH, &there);
		close(folder);
		found = place_same(&ours, &there, IMAGE_WHICH);
	}
	if (!found)
		refuse("--cache needs an absolute name, without quotes, of a "
		       "folder that nobody else may change",
		    cache_folder());
	return found;
}

/* What a child would share with its parent, or not have. */
static bool
is_refused(const struct key *key)
{
	char detail[256];
	const char *reason = inherited_end(keep.file, key, detail);

	if (reason != NULL)
		refuse(reason, detail);
	return reason != NULL;
}

/* A file's whole name, to be freed, or NULL. */
static char *
name_file(const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", cache_folder(), name) == -1 ? NULL
								    : path;
}

/* The unfinished image, which only one process writes. */
static bool
lock_file(void)
{
	char *path = name_file(keep.unfinished);
	struct stat ours, there;
	bool locked = false;

	if (path == NULL)
		return false;
	keep.file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (keep.file == -1)
		refuse("cannot write it", strerror(errno));
	else
		locked = flock(keep.file, LOCK_EX | LOCK_NB) == 0 &&
		    fstat(keep.file, &ours) == 0 && lstat(path, &there) == 0 &&
		    ours.st_ino == there.st_ino && ftruncate(keep.file, 0) == 0;
	if (keep.file != -1 && !locked)
		close(keep.file);
	free(path);
	return locked;
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
	inherited_open();
	environ = call->environment;
	keep.asleep = true;
	keep.probe = call->probe != 0;
	if (keep.probe)
		keep.whole = copy_environment(true);
	keep.hooks->wake();
}

/* In the process that is saved. */
static int
save(void)
{
	const char *reason;
	char here;

	wipe_request();
	memory_use_up();
	reason = dump_write(
	    keep.file, &keep.key, awake, (uintptr_t)&here - BELOW);
	if (reason != NULL)
		refuse(reason, "");
	return reason != NULL;
}

/* Whether a child did what it was there for; how it ended otherwise. */
static bool
ends_well(pid_t child, int *status)
{
	*status = -1;
	while (child != -1 && waitpid(child, status, 0) == -1)
		if (errno != EINTR)
			return false;
	return child != -1 && WIFEXITED(*status) && WEXITSTATUS(*status) == 0;
}

/* By a person, or since there was too little memory for all. */
static bool
was_killed(int status)
{
	return WIFSIGNALED(status) &&
	    (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM);
}

/* Started as the server starts it, from the unfinished file. */
static void
execute_probe(void)
{
	char *script[] = { (char *)(uintptr_t)keep.key.caller.execfn, NULL };

	environ = keep.whole;
	if (unsetenv(PRELOAD_MAKE) == 0 && setenv(PLACE_PROBE, "1", 1) == 0 &&
	    chdir(keep.key.working) == 0)
		execve(keep.key.caller.execfn,
		    keep.key.caller.is_line ? script : keep.key.caller.argv,
		    environ);
	_exit(EXIT_FAILURE);
}

/* Writes the image, and has a process start from it. */
static bool
is_written(void)
{
	struct image head;
	pid_t child;
	int64_t began;
	int status;

	if ((child = fork()) == 0)
		_exit(save());
	if (!ends_well(child, &status)) {
		if (was_killed(status))
			refuse_for(SOON, "who wrote it was killed", "");
		return false;
	}
	began = clock_now();
	if ((child = fork()) == 0)
		execute_probe();
	if (!ends_well(child, &status)) {
		refuse_for(was_killed(status) ? SOON : PLACE_PATIENCE,
		    "a process that was started from it failed", "");
		return false;
	}
	keep.start = clock_now() - began;
	if (fsync(keep.file) == -1) {
		refuse("cannot write it", strerror(errno));
		return false;
	}
	if (pread(keep.file, &head, sizeof(head), 0) == sizeof(head)) {
		keep.size = (int64_t)head.size;
		keep.libraries = (size_t)head.libraries.count;
	}
	return true;
}

/* A request of --preload-request has of the first one what the server says. */
static int
set_request(const char *url)
{
	static const char *const of_server[] = { "CONTEXT_DOCUMENT_ROOT",
		"CONTEXT_PREFIX", "DOCUMENT_ROOT", "GATEWAY_INTERFACE", "HTTPS",
		"REQUEST_SCHEME", "SCRIPT_FILENAME", "SCRIPT_NAME",
		"SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL",
		"SERVER_SOFTWARE" };
	const char *value, *question = strchr(url, '?'),
			   *name = place_variable(keep.whole, "SCRIPT_NAME");
	char *path = strndup(url, strcspn(url, "?")), *uri = NULL;
	size_t i;
	int result = -1;

	for (i = 0; i < sizeof(of_server) / sizeof(*of_server); i++)
		if ((value = place_variable(keep.whole, of_server[i])) != NULL)
			setenv(of_server[i], value, 1);
	if ((value = getenv("SERVER_NAME")) != NULL)
		setenv("HTTP_HOST", value, 1);
	if (path != NULL)
		url_decode(path);
	if (path != NULL && asprintf(&uri, "%s%s", name ? name : "", url) != -1)
		result = setenv("REQUEST_METHOD", "GET", 1) +
		    setenv("REMOTE_ADDR", "127.0.0.1", 1) +
		    setenv("PATH_INFO", path, 1) +
		    setenv("REQUEST_URI", uri, 1) +
		    setenv("QUERY_STRING", question ? question + 1 : "", 1);
	free(path);
	free(uri);
	return result;
}

/* What is imported and cached by a request is saved, too. */
static bool
has_made_requests(void)
{
	const struct options *options = keep.options;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), i;
	bool first = true;

	for (i = 0; i < options->count; i++) {
		if (options->given[i].letter != OPTION_PRELOAD_REQUEST)
			continue;
		/* Another process than who answers: random numbers, too. */
		if (first) {
			if (!inherited_part()) {
				refuse("cannot open a file of the import again",
				    strerror(errno));
				break;
			}
			PyOS_BeforeFork();
			PyOS_AfterFork_Child();
		}
		first = false;
		if (null == -1 || dup2(null, STDIN_FILENO) == -1 ||
		    dup2(null, STDOUT_FILENO) == -1 ||
		    set_request(options->given[i].value) != 0 ||
		    keep.hooks->answer() == -1) {
			refuse("--preload-request was not answered",
			    options->given[i].value);
			break;
		}
	}
	close(null);
	return i == options->count;
}

/*
 * The dict that os.environ and os.environb share, which stays; borrowed, or
 * NULL with an exception set. It is looked for once: before an image is made,
 * so that no process from it has to.
 */
static PyObject *
find_environ(void)
{
	PyObject *os, *object = NULL;

	if (keep.environ != NULL)
		return keep.environ;
	if ((os = PyImport_ImportModule("os")) != NULL)
		object = PyObject_GetAttrString(os, "environ");
	if (object != NULL)
		keep.environ = PyObject_GetAttrString(object, "_data");
	Py_XDECREF(object);
	Py_XDECREF(os);
	if (keep.environ != NULL && !PyDict_Check(keep.environ)) {
		Py_CLEAR(keep.environ);
		PyErr_SetString(PyExc_TypeError, "os.environ has no dict");
	}
	return keep.environ;
}

/* What it depends on is known, and nothing stands against it. */
static bool
is_ready(const struct invocation *invocation)
{
	char *obstacle = NULL;
	bool ready = false, known;

	if (!has_made_requests())
		return false;
	known = key_collect(&keep.key, keep.first, invocation) == 0;
	PyErr_Clear();
	garbage_thaw();
	garbage_collect();
	shutdown_prepare();
	if (!known)
		refuse("Python does not tell what the import read", "");
	else if ((obstacle = key_obstacle()) != NULL)
		refuse(obstacle, "");
	else if (find_environ() == NULL)
		refuse("os.environ is not what Python has made", "");
	else
		ready = !is_refused(&keep.key) &&
		    !key_is_newer(&keep.key, keep.began);
	if (ready && shutdown_is_simple())
		immortal_make();
	PyErr_Clear();
	garbage_freeze();
	free(obstacle);
	return ready;
}

/* Of nobody's group, with descriptors that nobody waits for. */
static void
detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), i;
	struct stat st;

	setsid();
	signal(SIGTERM, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	for (i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		if (fstat(i, &st) == -1 || !S_ISREG(st.st_mode))
			dup2(null, i);
	close(null);
}

/* Whether there is an image now. */
static bool
publish(const struct invocation *invocation)
{
	bool made = is_ready(invocation);

	if (made) {
		PyOS_BeforeFork();
		made = is_written();
	}
	if (made)
		cache_remove(keep.refusal);
	if (!made || keep.task == TRY)
		cache_remove(keep.unfinished);
	else if (cache_publish(keep.file, keep.unfinished, keep.image,
		     PLACE_IMAGE, MOST_IMAGES) == -1) {
		refuse("cannot publish it", strerror(errno));
		made = false;
	} else if (keep.task == SAVE)
		report_log(REPORT_PRELOAD, "an image was made: %s/%s",
		    cache_folder(), keep.image);
	return made;
}

/* What takes too long would do so for each request; it ends, and all with it
 * that was started for it. */
static void
publish_in_time(const struct invocation *invocation)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		alarm(PATIENCE);
		publish(invocation);
		_exit(EXIT_SUCCESS);
	}
	if (!ends_well(child, &status) && WIFSIGNALED(status) &&
	    WTERMSIG(status) == SIGALRM) {
		refuse("it took too long", "");
		if (getpgrp() == getpid())
			kill(0, SIGKILL);
	}
}

/* A child of a child: whoever answers has no child to wait for. */
static void
fork_twice(const struct invocation *invocation)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (fork() == 0) {
			detach();
			publish_in_time(invocation);
		}
		_exit(EXIT_SUCCESS);
	}
	ends_well(child, &status);
}

/* What the writer's process said, or nothing: then it is tried again. */
static void
read_reason(void)
{
	struct stat st;
	int file = cache_read(keep.refusal, &st);

	if (file == -1)
		return;
	if (read(file, keep.reason, sizeof(keep.reason) - 1) > 0)
		keep.reason[strcspn(keep.reason, "\n")] = '\0';
	close(file);
}

/* Lines for whoever asked for it: a word, a blank, the rest. */
static _Noreturn void
tell(bool made)
{
	struct buffer text = { 0 };
	char *bytes;
	size_t length, i;

	if (!made && keep.reason[0] == '\0')
		read_reason();
	if (!made && keep.reason[0] != '\0')
		buffer_print(&text, "refused %s\n", keep.reason);
	if (made) {
		buffer_print(&text, "image %s/%s\nimport %lld\nstart %lld\n",
		    cache_folder(), keep.image, (long long)keep.import,
		    (long long)keep.start);
		buffer_print(&text, "size %lld\nfiles %zu\nlibraries %zu\n",
		    (long long)keep.size, keep.key.file_count, keep.libraries);
		for (i = 0; i < keep.key.asked_count; i++)
			buffer_print(&text, "variable %s\n",
			    (const char *)keep.key.variables[i].name);
	}
	if ((bytes = buffer_take(&text, &length)) != NULL &&
	    write(keep.reply, bytes, length) == (ssize_t)length)
		_exit(EXIT_SUCCESS);
	_exit(EXIT_FAILURE);
}

void
keep_image(const struct invocation *invocation, const struct keep_hooks *hooks)
{
	bool made = false;

	if (!keep.wanted)
		return;
	keep.hooks = hooks;
	keep.options = &invocation->options;
	keep.import = clock_elapsed();
	if (is_found_again(invocation) && !is_refused(NULL) && lock_file()) {
		if (keep.task == SAVE)
			fork_twice(invocation);
		else
			made = publish(invocation);
		close(keep.file);
	}
	if (keep.task != SAVE)
		tell(made);
	key_forget();
}

/* Of two variables of a name the first counts, as when Python starts. */
static int
renew_environ(void)
{
	PyObject *data = find_environ(), *name, *value;
	char **variable;
	size_t length;
	int result = 0;

	if (data == NULL)
		return -1;
	PyDict_Clear(data);
	for (variable = environ; result == 0 && *variable != NULL; variable++) {
		length = strcspn(*variable, "=");
		if ((*variable)[length] == '\0')
			continue;
		name = PyBytes_FromStringAndSize(*variable, (Py_ssize_t)length);
		value = PyBytes_FromString(*variable + length + 1);
		result = name != NULL && value != NULL &&
			PyDict_SetDefault(data, name, value) != NULL
		    ? 0
		    : -1;
		Py_XDECREF(name);
		Py_XDECREF(value);
	}
	return result;
}

/*
 * A process that only tries the image does what each will do, as far as that
 * can be without a request: those of --preload-request once more, and the end.
 */
static _Noreturn void
try_image(void)
{
	char *path = name_file(keep.unfinished);
	int file = -1;

	if (keep.whole == NULL || !has_made_requests())
		_exit(EXIT_FAILURE);
	shutdown_python();
	if (path != NULL)
		file = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (file != -1)
		touched_note(file);
	_exit(EXIT_SUCCESS);
}

bool
keep_is_probe(void)
{
	return keep.probe;
}

bool
keep_is_asleep(void)
{
	return keep.asleep;
}

int
keep_resume(void)
{
	const char *name, *failed = inherited_renew(&name);

	if (failed != NULL)
		return report_fail(REPORT_SYSTEM, "cannot %s: %s: %s", failed,
		    name, strerror(errno));
	PyOS_AfterFork_Child();
	keep.asleep = false;
	if (renew_environ() == -1)
		return traceback_fail(REPORT_SYSTEM, "cannot renew os.environ");
	process_resume();
	if (keep.probe)
		try_image();
	return 0;
}
