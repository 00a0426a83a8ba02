/*
 * Asks a web server on this host again and again, by several connections at
 * once, and a new one for each request:
 *	ask port path connections seconds [form]
 * A form is posted. Every reply has to be a success, or, to a form, 303. The
 * first line that comes out is the number of nanoseconds until the last reply
 * was complete, each further line that of one request, from before the
 * connection until its end.
 */

#define _GNU_SOURCE
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct asker {
	pthread_t thread;
	long long *times;
	size_t count, room;
};

static struct sockaddr_in server;
static char request[1024];
static const char *success = " 200";
static long long deadline;

static long long
nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* The head's begin is kept; whatever follows is only read to its end. */
static void
read_reply(int from)
{
	char head[13] = "", rest[16384];
	size_t length = 0;
	ssize_t count;

	while (length < sizeof(head) - 1 &&
	    (count = read(from, head + length, sizeof(head) - 1 - length)) > 0)
		length += (size_t)count;
	while ((count = read(from, rest, sizeof(rest))) > 0)
		;
	if (count == -1)
		err(1, "read");
	if (strncmp(head, "HTTP/1.", 7) != 0 || strcmp(head + 8, success) != 0)
		errx(1, "the reply begins with \"%s\"", head);
}

static void
ask(void)
{
	size_t length = strlen(request);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s == -1 ||
	    connect(s, (struct sockaddr *)&server, sizeof(server)) == -1)
		err(1, "connect");
	if (write(s, request, length) != (ssize_t)length)
		err(1, "write");
	read_reply(s);
	close(s);
}

static void
note(struct asker *asker, long long time)
{
	if (asker->count == asker->room) {
		asker->room = 2 * asker->room + 1024;
		asker->times = realloc(
		    asker->times, asker->room * sizeof(*asker->times));
		if (asker->times == NULL)
			err(1, "realloc");
	}
	asker->times[asker->count++] = time;
}

/* At least one request, however short the time. */
static void *
ask_on(void *argument)
{
	long long begin;

	do {
		begin = nanoseconds();
		ask();
		note(argument, nanoseconds() - begin);
	} while (nanoseconds() < deadline);
	return NULL;
}

static void
report(const struct asker *askers, int count, long long begin)
{
	size_t j;
	int i;

	printf("%lld\n", nanoseconds() - begin);
	for (i = 0; i < count; i++)
		for (j = 0; j < askers[i].count; j++)
			printf("%lld\n", askers[i].times[j]);
}

static void
prepare(const char *port, const char *path, const char *form)
{
	server.sin_family = AF_INET;
	server.sin_port = htons((in_port_t)atoi(port));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (form == NULL) {
		snprintf(request, sizeof(request),
		    "GET %s HTTP/1.1\r\nHost: localhost\r\n"
		    "Connection: close\r\n\r\n",
		    path);
		return;
	}
	success = " 303";
	snprintf(request, sizeof(request),
	    "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
	    "Content-Type: application/x-www-form-urlencoded\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    path, strlen(form), form);
}

int
main(int argc, char **argv)
{
	struct asker *askers;
	long long begin;
	int count, i;

	if (argc < 5 || argc > 6 || (count = atoi(argv[3])) < 1)
		errx(2, "usage: ask port path connections seconds [form]");
	prepare(argv[1], argv[2], argv[5]);
	if ((askers = calloc((size_t)count, sizeof(*askers))) == NULL)
		err(1, "calloc");
	begin = nanoseconds();
	deadline = begin + (long long)(atof(argv[4]) * 1e9);
	for (i = 0; i < count; i++)
		if (pthread_create(
			&askers[i].thread, NULL, ask_on, &askers[i]) != 0)
			errx(1, "cannot start a thread");
	for (i = 0; i < count; i++)
		pthread_join(askers[i].thread, NULL);
	report(askers, count, begin);
	return 0;
}
