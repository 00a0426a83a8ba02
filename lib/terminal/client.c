/* Reads a reply as a server does, and prints it as curl does. */

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/alloc.h"
#include "terminal/client.h"

enum { READ, WRITE }; /* ends of a pipe */

static struct {
	volatile sig_atomic_t ended_by; /* a signal, or 0 */
	pid_t child;
	int reply; /* the pipe it writes to */
	int output;
	const char *file; /* output's name, or NULL: standard output */
	bool include, has_head;
	int status;
	char *complaint;
} client;

static const int signals[] = { SIGHUP, SIGINT, SIGTERM };

/* Returns the exit status; the first complaint counts. */
static int __attribute__((format(printf, 2, 3)))
record_complaint(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (client.complaint == NULL &&
	    vasprintf(&client.complaint, format, arguments) == -1)
		client.complaint = NULL;
	va_end(arguments);
	client.status = status;
	return status;
}

/*
 * The first signal is passed on, unless it is the terminal's, which the child
 * gets, too. A second one ends the child without close() and exit functions.
 */
static void
forward_signal(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (client.ended_by != 0)
		kill(client.child, SIGKILL);
	else if (info->si_code == SI_USER)
		kill(client.child, number);
	client.ended_by = number;
}

static void
watch_signals(void)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO }, before;
	size_t i;

	action.sa_sigaction = forward_signal;
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (sigaction(signals[i], NULL, &before) == 0 &&
		    before.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void
block_signals(sigset_t *before)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, before);
}

/* Stops reading: the application learns that the client has gone. */
static void
close_reply(void)
{
	close(client.reply);
	client.reply = -1;
}

static void
write_output(const char *bytes, size_t size)
{
	ssize_t done;

	for (; size > 0 && client.ended_by == 0;
	     bytes += done, size -= (size_t)done) {
		done = write(client.output, bytes, size);
		if (done == -1 && errno == EINTR)
			done = 0;
		if (done == -1 && errno == EPIPE)
			client.status = CLIENT_WRITE_ERROR;
		else if (done == -1)
			record_complaint(CLIENT_WRITE_ERROR,
			    "cannot write %s: %s",
			    client.file != NULL ? client.file
						: "standard output",
			    strerror(errno));
		if (done == -1) {
			close_reply();
			return;
		}
	}
}

/* As curl does: the file of -o is emptied when the reply begins, not before. */
static bool
open_output(void)
{
	if (client.file == NULL)
		return true;
	client.output = open(
	    client.file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (client.output != -1)
		return true;
	record_complaint(CLIENT_WRITE_ERROR, "cannot write %s: %s", client.file,
	    strerror(errno));
	close_reply();
	return false;
}

/*
 * Tries to find the head in the reply so far. It is the program's own: the
 * status comes first, and each line ends in CRLF. A client is told HTTP where
 * CGI says Status (RFC 3875 6.2); a whole response (5) stays as it is.
 */
static void
read_head(const char *bytes, size_t size)
{
	static const char cgi[] = "Status: ", http[] = "HTTP/1.1 ";
	const char *end = memmem(bytes, size, "\r\n\r\n", 4);
	bool translated = size >= strlen(cgi) &&
	    memcmp(bytes, cgi, strlen(cgi)) == 0;
	size_t from = translated ? strlen(cgi) : 0;

	if (end == NULL)
		return;
	client.has_head = true;
	if (!translated &&
	    (size < strlen("HTTP/") ||
		memcmp(bytes, http, strlen("HTTP/")) != 0)) {
		record_complaint(CLIENT_FAILED, "the reply has no status");
		close_reply();
		return;
	}
	if (!open_output())
		return;
	if (client.include && translated)
		write_output(http, strlen(http));
	if (!client.include)
		from = (size_t)(end + 4 - bytes);
	if (client.reply != -1)
		write_output(bytes + from, size - from);
}

/* Reads the reply to its end; only a head is kept. */
static void
print_reply(void)
{
	char *buffer = NULL;
	size_t kept = 0, room = 65536;
	ssize_t got;

	while (client.reply != -1 && client.ended_by == 0) {
		buffer = alloc_items(buffer, 1, kept + room);
		got = read(client.reply, buffer + kept, room);
		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		if (!client.has_head)
			read_head(buffer, kept += (size_t)got);
		else
			write_output(buffer, (size_t)got);
		if (client.has_head)
			kept = 0;
	}
	free(buffer);
}

static int
find_exit_status(void)
{
	int how = 0;

	if (client.reply != -1)
		close_reply();
	while (waitpid(client.child, &how, 0) == -1 && errno == EINTR)
		;
	/* By the signal itself: so a shell sees what ended the program. */
	if (client.ended_by != 0) {
		signal(client.ended_by, SIG_DFL);
		raise(client.ended_by);
	}
	if (client.status != 0)
		return client.status;
	if (WIFSIGNALED(how))
		return record_complaint(CLIENT_FAILED,
		    "signal %d (%s) ended the application before its reply "
		    "was complete",
		    WTERMSIG(how), strsignal(WTERMSIG(how)));
	if (!client.has_head)
		return record_complaint(CLIENT_FAILED,
		    "the application ended the process without a reply");
	/* If it failed, its own log entry has said why. */
	return how == 0 ? EXIT_SUCCESS : CLIENT_FAILED;
}

/*
 * In the child: descriptors as a server leaves them. The other ends of the pipe
 * are closed, so that each side learns when the other has gone.
 */
static int
become_script(int body, const int *ends)
{
	if (body == -1)
		body = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (body == -1 || dup2(body, STDIN_FILENO) == -1 ||
	    dup2(ends[WRITE], STDOUT_FILENO) == -1)
		return record_complaint(CLIENT_FAILED,
		    "cannot put descriptors in order: %s", strerror(errno));
	close(body);
	close(ends[READ]);
	close(ends[WRITE]);
	return -1;
}

int
client_run(const struct options *options, int body, char **complaint)
{
	const struct given_option *output = options_last(options, 'o');
	sigset_t mask;
	int ends[2], status;

	client.output = STDOUT_FILENO;
	if (output != NULL && strcmp(output->value, "-") != 0)
		client.file = output->value;
	client.include = options_last(options, 'i') != NULL ||
	    options_last(options, 'I') != NULL;
	block_signals(&mask);
	if (pipe2(ends, O_CLOEXEC) == -1 || (client.child = fork()) == -1)
		status = record_complaint(CLIENT_FAILED,
		    "cannot start a process: %s", strerror(errno));
	else if (client.child == 0) {
		sigprocmask(SIG_SETMASK, &mask, NULL);
		status = become_script(body, ends);
	} else {
		watch_signals();
		sigprocmask(SIG_SETMASK, &mask, NULL);
		close(ends[WRITE]);
		client.reply = ends[READ];
		print_reply();
		status = find_exit_status();
	}
	*complaint = client.complaint;
	return status;
}
