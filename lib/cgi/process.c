/*
 * The floor cgi/ is the process between a server and an application: its
 * descriptors, signals and limits, the variables and the body of one request,
 * the way of the reply, the log and the page about a failure. It knows neither
 * Python nor the options by which an application is found.
 *
 * Signals and the end of a time limit arrive in four phases. Before Python
 * runs they end the process with a page; while the application runs they
 * become an exception in it, and end the process if that takes too long;
 * after the last byte SIGTERM waits; a forked child has nothing to do with
 * any of it.
 */

#include <sys/resource.h>
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
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/clock.h"
#include "cgi/deadline.h"
#include "cgi/log.h"
#include "cgi/process.h"

#define LAST_WORDS 5000 /* milliseconds */

enum { STARTING, SERVING, FINISHING, CHILD };

static struct {
	volatile sig_atomic_t phase, holding, terminated, shown, ending;
	volatile sig_atomic_t interruption; /* a report_code, or 0 */
	volatile sig_atomic_t timeout, grace; /* seconds */
	volatile sig_atomic_t progress; /* when: see now_ms() */
	volatile sig_atomic_t status;
	struct process_hooks hooks;
	bool resumed; /* of a process image */
	sigset_t mask; /* around fork() */
	rlim_t cpu_limit; /* seconds: the soft one that is watched */
} process;

/* Prepared state: a process image has it, too. */
static void (*interrupt_application)(enum report_code);

static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT,
	SIGSYS };

/* Others that end a process, unless the application has a use for them. */
static const int endings[] = { SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM,
	SIGVTALRM, SIGPROF, SIGIO, SIGTRAP };

static const struct {
	enum report_code code;
	const char *cause;
} causes[] = {
	{ REPORT_TIMEOUT, "--timeout is over" },
	{ REPORT_TERMINATED, "the server sent SIGTERM" },
	{ REPORT_CPU_TIME, "the host's limit of processor time is reached" },
};

/* The server may have stopped reading, so last words have a deadline, too. */
static _Noreturn void
end_now(enum report_code code, int signal_number)
{
	if (!process.ending) {
		process.ending = 1;
		deadline_set(LAST_WORDS);
		process.hooks.last_words(code, signal_number);
	}
	_exit((int)process.status);
}

static void
on_crash(int signal_number)
{
	if (process.phase != CHILD)
		end_now(REPORT_CRASH, signal_number);
	raise(signal_number);
}

static void
on_ending(int signal_number)
{
	end_now(REPORT_SIGNAL, signal_number);
}

/* The low bits of a clock, of which only differences count. */
static unsigned
now_ms(void)
{
	return (unsigned)(clock_now() / CLOCK_MILLISECOND);
}

/* From now on the application has grace milliseconds to come to an end. */
static void
interrupt_once(enum report_code code, unsigned grace)
{
	if (process.phase != CHILD) {
		if (process.interruption != 0)
			return;
		process.interruption = (sig_atomic_t)code;
		deadline_set(grace);
	}
	interrupt_application(code);
}

static unsigned
grace_ms(void)
{
	return (unsigned)process.grace * 1000;
}

static void
on_terminate(int signal_number)
{
	if (process.phase == STARTING)
		end_now(REPORT_TERMINATED, signal_number);
	process.terminated = 1;
	if (process.holding && process.phase == SERVING)
		deadline_set(grace_ms());
	else if (process.phase != FINISHING)
		interrupt_once(REPORT_TERMINATED, grace_ms());
}

/* How many milliseconds of processor time are left until that limit. */
static int64_t
cpu_time_left(rlim_t seconds)
{
	if (seconds > INT32_MAX)
		return INT64_MAX;
	return (int64_t)seconds * 1000 - deadline_cpu_time();
}

/*
 * The kernel sends SIGXCPU at the soft limit, again after each second, and
 * SIGKILL at the hard limit: what is still to come has to end before that.
 */
static void
on_cpu_time(int signal_number)
{
	struct rlimit limit;
	unsigned left = grace_ms();
	int64_t most;

	if (process.phase == STARTING)
		end_now(REPORT_CPU_TIME, signal_number);
	if (getrlimit(RLIMIT_CPU, &limit) == 0) {
		most = cpu_time_left(limit.rlim_max);
		most = most < 1000 ? most / 2 : most - 200;
		if (most < left)
			left = most > 0 ? (unsigned)most : 1;
	}
	if (process.phase == SERVING)
		interrupt_once(REPORT_CPU_TIME, left);
	else if (process.phase == FINISHING && process.interruption == 0) {
		process.interruption = REPORT_CPU_TIME;
		deadline_set(left);
	}
}

static void
watch_cpu_time(rlim_t seconds)
{
	process.cpu_limit = seconds;
	if (seconds <= INT32_MAX)
		deadline_set_cpu((time_t)seconds);
}

/*
 * Comes a little before SIGXCPU, which the application may ignore, block, or
 * let end the process. From here on no SIGXCPU may cut last words short, so
 * only the hard limit is left. A soft limit raised before its time was raised
 * by the application; the kernel raises it later, with each SIGXCPU.
 */
static void
on_cpu_deadline(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CPU, &limit) == -1)
		return;
	if (limit.rlim_cur > process.cpu_limit &&
	    cpu_time_left(process.cpu_limit) > 0) {
		watch_cpu_time(limit.rlim_cur);
		return;
	}
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_CPU, &limit);
	if (!process.ending)
		on_cpu_time(0);
}

/* Once, and not for longer than last words may take: the log may be full. */
static void
show_threads(void)
{
	if (process.shown || process.ending || interrupt_application == NULL)
		return;
	process.shown = 1;
	deadline_set(LAST_WORDS);
	interrupt_application(REPORT_SHUTDOWN);
}

/* The deadline of process_limit(), or of what came after it. */
static void
on_time(void)
{
	unsigned silent = now_ms() - (unsigned)process.progress,
		 allowed = (unsigned)process.timeout * 1000;

	if (process.phase == FINISHING || process.ending) {
		show_threads();
		end_now(process.interruption == REPORT_CPU_TIME
			? REPORT_CPU_TIME
			: REPORT_SHUTDOWN,
		    0);
	}
	if (process.interruption != 0)
		end_now((enum report_code)process.interruption, 0);
	if (process.terminated)
		interrupt_once(REPORT_TERMINATED, grace_ms());
	else if (silent < allowed)
		deadline_set(allowed - silent);
	else if (process.phase == STARTING)
		end_now(REPORT_TIMEOUT, 0);
	else
		interrupt_once(REPORT_TIMEOUT, grace_ms());
}

static void
set_handler(int signal_number, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_flags = flags };

	action.sa_handler = handler;
	sigaction(signal_number, &action, NULL);
}

/*
 * A child's Python forgets signals that came during fork(). SIGTERM is blocked
 * until on_fork(), so that it is not lost there.
 */
static void
before_fork(void)
{
	sigset_t waiting;

	sigemptyset(&waiting);
	sigaddset(&waiting, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &waiting, &process.mask);
}

static void
after_fork(void)
{
	pthread_sigmask(SIG_SETMASK, &process.mask, NULL);
}

static void
reset_handler(int signal_number, void (*handler)(int))
{
	struct sigaction current;

	if (sigaction(signal_number, NULL, &current) == 0 &&
	    current.sa_handler == handler)
		set_handler(signal_number, SIG_DFL, 0);
}

/*
 * Reply and body are the parent's; a child must not be able to touch them. The
 * deadline is not inherited.
 */
static void
on_fork(void)
{
	size_t i;

	process.phase = CHILD;
	process.holding = process.interruption = 0;
	reset_handler(SIGTERM, on_terminate);
	reset_handler(SIGXCPU, on_cpu_time);
	for (i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		reset_handler(endings[i], on_ending);
	process.hooks.after_fork();
	after_fork();
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
			fcntl(atoi(entry->d_name), F_SETFD, FD_CLOEXEC);
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

/* If a step fails, *reply is what a page can still be sent through. */
static int
settle_descriptors(int *body, int *reply)
{
	bool heard = fcntl(STDOUT_FILENO, F_GETFD) != -1;
	int fd;

	*body = STDIN_FILENO;
	*reply = heard ? STDOUT_FILENO : -1;
	if (process_open_standard() == -1)
		return -1;
	protect_inherited();
	*body = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (*body == -1)
		return -1;
	if (heard) {
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		if (fd == -1)
			return -1;
		*reply = fd;
	}
	if ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) == -1 ||
	    dup2(fd, STDIN_FILENO) == -1 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) == -1)
		return -1;
	return close(fd);
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
			set_handler(n, SIG_DFL, 0);
	set_handler(SIGPIPE, SIG_IGN, 0);
	set_handler(SIGTERM, on_terminate, 0);
	sigaltstack(&stack, NULL);
	for (i = 0; i < sizeof(crashes) / sizeof(*crashes); i++)
		set_handler(crashes[i], on_crash,
		    SA_ONSTACK | (int)SA_RESETHAND | SA_NODEFER);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * No core dump. Where both limits of processor time are the same, SIGKILL would
 * come without SIGXCPU before it: the soft one is made a second less.
 */
static void
settle_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CORE, &limit) == 0) {
		limit.rlim_cur = 0;
		setrlimit(RLIMIT_CORE, &limit);
	}
	if (getrlimit(RLIMIT_CPU, &limit) == 0 && limit.rlim_cur > 1 &&
	    limit.rlim_cur != RLIM_INFINITY &&
	    limit.rlim_cur == limit.rlim_max) {
		limit.rlim_cur--;
		setrlimit(RLIMIT_CPU, &limit);
	}
}

int
process_open(const struct process_hooks *hooks, int *body, int *reply)
{
	static bool hooked; /* for good, and in images */

	memset(&process, 0, sizeof(process));
	process.status = EXIT_FAILURE;
	process.hooks = *hooks;
	settle_limits();
	settle_signals();
	if (settle_descriptors(body, reply) == -1)
		return -1;
	log_open();
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
process_limit(unsigned timeout, unsigned grace_time)
{
	struct rlimit limit;

	process.timeout = (sig_atomic_t)timeout;
	process.grace = (sig_atomic_t)grace_time;
	if (deadline_open(on_time) == -1)
		return -1;
	/* If this timer cannot be had, SIGXCPU itself still comes. */
	if (getrlimit(RLIMIT_CPU, &limit) == 0 && limit.rlim_cur <= INT32_MAX &&
	    deadline_open_cpu(on_cpu_deadline) == 0)
		watch_cpu_time(limit.rlim_cur);
	process_note_progress();
	deadline_set(timeout * 1000);
	return 0;
}

void
process_note_progress(void)
{
	process.progress = (sig_atomic_t)now_ms();
}

void
process_serve(void (*interrupt_it)(enum report_code))
{
	size_t i;

	interrupt_application = interrupt_it;
	set_handler(SIGTERM, on_terminate, 0);
	set_handler(SIGXCPU, on_cpu_time, 0);
	for (i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		set_handler(endings[i], on_ending, 0);
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
	process_resume_clock();
}

void
process_pause_clock(void)
{
	deadline_set(0);
}

void
process_resume_clock(void)
{
	deadline_set(grace_ms());
}

const char *
process_interruption(enum report_code *code)
{
	size_t i;

	for (i = 0; i < sizeof(causes) / sizeof(*causes); i++)
		if (causes[i].code == (enum report_code)process.interruption) {
			*code = causes[i].code;
			return causes[i].cause;
		}
	return NULL;
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

bool
process_owes_reply(void)
{
	return process.hooks.last_words != NULL &&
	    (process.phase == STARTING || process.phase == SERVING);
}

void
process_exit(int status)
{
	if (process_owes_reply()) {
		if (status != EXIT_SUCCESS)
			process.status = status;
		end_now(REPORT_CRASH, -2);
	}
	_exit(status);
}
