/*
 * Signals arrive in four phases. Before Python runs they end the process with
 * a page; while the application runs they become an exception in it, and end
 * the process if that takes too long; after the last byte SIGTERM waits; a
 * forked child has nothing to do with any of it.
 */

#include <sys/resource.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#endif

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/process.h"

enum { STARTING, SERVING, FINISHING, CHILD };

static struct {
	volatile sig_atomic_t phase, holding, interruption, terminated;
	struct process_hooks hooks;
	volatile sig_atomic_t grace, status;
	bool resumed; /* of a process image */
	sigset_t mask; /* around fork() */
} process;

/* Prepared state: a process image has it, too. */
static struct sigaction python_term, python_alarm;

static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT,
	SIGSYS };

static void
end(enum report_code code)
{
	process.hooks.last_words(code);
	_exit((int)process.status);
}

static void
on_crash(int signal_number)
{
	if (process.phase != CHILD)
		end(REPORT_CRASH);
	raise(signal_number);
}

static void
interrupt(int signal_number, const struct sigaction *python)
{
	if (process.phase != CHILD) {
		if (process.interruption != 0)
			return;
		process.interruption = signal_number;
		alarm((unsigned)process.grace);
	}
	python->sa_handler(signal_number);
}

static void
on_terminate(int signal_number)
{
	if (process.phase == STARTING)
		end(REPORT_TERMINATED);
	process.terminated = 1;
	if (process.holding && process.phase == SERVING)
		alarm((unsigned)process.grace);
	else if (process.phase != FINISHING)
		interrupt(signal_number, &python_term);
}

static void
on_alarm(int signal_number)
{
	if (process.phase == FINISHING)
		end(REPORT_SHUTDOWN);
	if (process.phase == STARTING || process.interruption != 0)
		end(process.interruption == SIGTERM ? REPORT_TERMINATED
						    : REPORT_TIMEOUT);
	if (process.terminated)
		interrupt(SIGTERM, &python_term);
	else
		interrupt(signal_number, &python_alarm);
}

static void
handle(int signal_number, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_flags = flags };

	action.sa_handler = handler;
	sigaction(signal_number, &action, NULL);
}

/*
 * A signal between fork() and on_fork() would be noted for a Python that
 * forgets it: until then it waits.
 */
static void
before_fork(void)
{
	sigset_t both;

	sigemptyset(&both);
	sigaddset(&both, SIGTERM);
	sigaddset(&both, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &both, &process.mask);
}

static void
after_fork(void)
{
	pthread_sigmask(SIG_SETMASK, &process.mask, NULL);
}

/* Reply and body are the parent's; a child must not be able to touch them. */
static void
on_fork(void)
{
	struct sigaction current;

	process.phase = CHILD;
	process.holding = process.interruption = 0;
	if (sigaction(SIGTERM, NULL, &current) == 0 &&
	    current.sa_handler == on_terminate)
		handle(SIGTERM, SIG_DFL, 0);
	process.hooks.after_fork();
	after_fork();
}

static void
close_on_exec(int descriptor)
{
	fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

static void
protect_inherited(void)
{
	struct dirent *entry;
	DIR *open_now;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, 3U, ~0U, 4U /* CLOEXEC */) == 0)
		return;
#endif
	if ((open_now = opendir("/dev/fd")) == NULL)
		return;
	while ((entry = readdir(open_now)) != NULL)
		if (atoi(entry->d_name) > STDERR_FILENO)
			close_on_exec(atoi(entry->d_name));
	closedir(open_now);
}

int
process_open_standard(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", O_RDWR) == -1)
			return -1;
	return 0;
}

static int
settle_descriptors(int *body, int *reply)
{
	int null;

	if (process_open_standard() == -1)
		return -1;
	protect_inherited();
	*body = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	*reply = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (*body == -1 || *reply == -1 || null == -1 ||
	    dup2(null, STDIN_FILENO) == -1 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) == -1)
		return -1;
	return close(null);
}

static void
settle_signals(void)
{
	static char alternate[65536];
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	struct sigaction inherited;
	sigset_t none;
	size_t i;
	int n;

	for (n = 1; n < NSIG; n++)
		if (sigaction(n, NULL, &inherited) == 0 &&
		    inherited.sa_handler == SIG_IGN)
			handle(n, SIG_DFL, 0);
	handle(SIGPIPE, SIG_IGN, 0);
	handle(SIGTERM, on_terminate, 0);
	handle(SIGALRM, on_alarm, 0);
	sigaltstack(&stack, NULL);
	for (i = 0; i < sizeof(crashes) / sizeof(*crashes); i++)
		handle(crashes[i], on_crash,
		    SA_ONSTACK | (int)SA_RESETHAND | SA_NODEFER);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int
process_open(const struct process_hooks *hooks, int *body, int *reply)
{
	static bool hooked; /* once in a process, and in every image of it */
	struct rlimit core;

	memset(&process, 0, sizeof(process));
	process.status = EXIT_FAILURE;
	process.hooks = *hooks;
	if (getrlimit(RLIMIT_CORE, &core) == 0) {
		core.rlim_cur = 0;
		setrlimit(RLIMIT_CORE, &core);
	}
	settle_signals();
	if (settle_descriptors(body, reply) == -1)
		return -1;
	if (!hooked && pthread_atfork(before_fork, after_fork, on_fork) != 0)
		return -1;
	hooked = true;
	return 0;
}

static const char *begun_as; /* process_begin_as() */

void
process_begin_as(const char *name)
{
	begun_as = name;
}

const char *
process_execfn(const char *fallback)
{
	if (begun_as != NULL)
		return begun_as;
#ifdef __linux__
	const char *name = (const char *)getauxval(AT_EXECFN);

	if (name != NULL)
		return name;
#endif
	return fallback;
}

/*
 * AT_SECURE alone says nothing: SELinux sets it whenever a process changes its
 * domain, as from a server to its scripts.
 */
bool
process_is_set_id(void)
{
	if (getuid() != geteuid() || getgid() != getegid())
		return true;
#ifdef __linux__
	return getxattr("/proc/self/exe", "security.capability", NULL, 0) > 0;
#else
	return false;
#endif
}

int
process_log_to(const char *file)
{
	int log = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

	if (log == -1 || dup2(log, STDOUT_FILENO) == -1 ||
	    dup2(log, STDERR_FILENO) == -1)
		return -1;
	return close(log);
}

void
process_limit(unsigned timeout, unsigned grace)
{
	process.grace = (sig_atomic_t)grace;
	alarm(timeout);
}

void
process_serve(void)
{
	sigaction(SIGTERM, NULL, &python_term);
	sigaction(SIGALRM, NULL, &python_alarm);
	handle(SIGTERM, on_terminate, 0);
	handle(SIGALRM, on_alarm, 0);
	process.phase = SERVING;
}

void
process_resume(void)
{
	process.phase = SERVING;
	process.resumed = true;
}

bool
process_is_resumed(void)
{
	return process.resumed;
}

void
process_hold(void)
{
	process.holding = 1;
}

void
process_release(void)
{
	if (process.holding && process.terminated) {
		process.holding = 0;
		raise(SIGTERM);
	}
}

void
process_finish(int status)
{
	process.status = status;
	if (process.phase != CHILD)
		process.phase = FINISHING;
	alarm((unsigned)process.grace);
}

void
process_pause_clock(void)
{
	alarm(0);
}

void
process_resume_clock(void)
{
	alarm((unsigned)process.grace);
}

int
process_interruption(void)
{
	return process.interruption;
}

bool
process_is_terminated(void)
{
	return process.terminated != 0;
}

bool
process_is_child(void)
{
	return process.phase == CHILD;
}
