/* One descriptor, how much of it is ours, and a spool. Blocks, never loops. */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "body.h"
#include "header.h"
#include "process.h"
#include "report.h"

#define ENDLESS INT64_MAX /* only end of file ends it */
#define STALLED 65536 /* a client that sends less has stalled */

static struct {
	int descriptor;
	int64_t remaining; /* bytes still to come from descriptor */
	int64_t allowance; /* bytes until --max-body is exceeded */
	bool endless;
	bool too_large;
	int error; /* why no more can be read */
	FILE *spool;
	off_t spooled, replayed;
} body = { .descriptor = -1 };

void
body_open(int descriptor)
{
	body.descriptor = descriptor;
}

/*
 * Without a length there is a body only where the server has undone a
 * chunked upload and closes the pipe behind it; uWSGI never closes it, and
 * Caddy says -1.
 */
static bool
ends_with_file(const struct request *request, const char *length)
{
	const char *software = request_value(request, "SERVER_SOFTWARE");

	if (software == NULL)
		software = "";
	if (length != NULL)
		return strcmp(length, "-1") == 0 &&
		    strncmp(software, "Caddy", 5) == 0;
	return request_value(request, "HTTP_TRANSFER_ENCODING") != NULL &&
	    strncmp(software, "uWSGI", 5) != 0;
}

/* Two lengths that differ are an attempt to smuggle a request. */
static bool
lengths_agree(const struct request *request, const char *length)
{
	const struct variable *v;
	size_t i;

	for (i = 0; i < request->count; i++) {
		v = &request->variables[i];
		if (v->length == strlen("CONTENT_LENGTH") && v->value &&
		    memcmp(v->name, "CONTENT_LENGTH", v->length) == 0 &&
		    strcmp(v->value, length) != 0)
			return false;
	}
	return true;
}

int
body_measure(const struct request *request, int64_t limit)
{
	const char *length = request_value(request, "CONTENT_LENGTH");

	if (length != NULL && !lengths_agree(request, length))
		return report_fail(REPORT_CONTENT_LENGTH,
		    "CONTENT_LENGTH was given twice and differs");
	if (length != NULL && *length == '\0')
		length = NULL;
	body.allowance = limit < 0 ? INT64_MAX : limit;
	body.endless = ends_with_file(request, length);
	if (body.endless)
		body.remaining = ENDLESS;
	else if (length == NULL)
		body.remaining = 0;
	else if (header_read_length(length, strlen(length), &body.remaining) ==
	    -1)
		return report_fail(REPORT_CONTENT_LENGTH,
		    "CONTENT_LENGTH is no number of bytes: '%s'", length);
	else if (body.remaining > body.allowance)
		return report_fail(REPORT_TOO_LARGE,
		    "the body has %" PRId64 " bytes, --max-body allows "
		    "%" PRId64,
		    body.remaining, limit);
	return 0;
}

static ssize_t
read_spool(void *buffer, size_t size)
{
	ssize_t got = pread(fileno(body.spool), buffer, size, body.replayed);

	if (got > 0)
		body.replayed += got;
	if (body.replayed == body.spooled &&
	    ftruncate(fileno(body.spool), 0) == 0)
		body.replayed = body.spooled = 0;
	return got;
}

/* From now on every read fails: a body is never silently short. */
static int
broken(int error)
{
	errno = body.error = error;
	return -1;
}

static ssize_t
read_descriptor(void *buffer, size_t size)
{
	struct pollfd input = { .fd = body.descriptor, .events = POLLIN };
	ssize_t got;

	if ((uintmax_t)body.remaining < size)
		size = (size_t)body.remaining;
	if (size == 0)
		return 0;
	if (body.error != 0)
		return broken(body.error);
	got = read(body.descriptor, buffer, size);
	if (got == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return poll(&input, 1, -1) == -1
		    ? -1
		    : read_descriptor(buffer, size);
	if (got == -1)
		return errno == EINTR ? -1 : broken(errno);
	if (body.endless)
		body.remaining = got == 0 ? 0 : ENDLESS;
	else if (got == 0)
		return broken(ECONNRESET);
	else
		body.remaining -= got;
	return got;
}

ssize_t
body_read(void *buffer, size_t size)
{
	ssize_t got = body.spooled > body.replayed
	    ? read_spool(buffer, size)
	    : read_descriptor(buffer, size);

	if (got > 0 && (body.allowance -= got) < 0) {
		body.too_large = true;
		errno = EFBIG;
		return -1;
	}
	return got;
}

bool
body_is_too_large(void)
{
	return body.too_large;
}

int
body_pending(void)
{
	return body.remaining > 0 && body.error == 0 ? body.descriptor : -1;
}

int
body_spool(void)
{
	char buffer[65536];
	ssize_t got, put, done;

	if (body.spool == NULL && (body.spool = tmpfile()) == NULL)
		return -1;
	got = read_descriptor(buffer, sizeof(buffer));
	for (done = 0; done < got; done += put) {
		put = pwrite(fileno(body.spool), buffer + done,
		    (size_t)(got - done), body.spooled);
		if (put == -1)
			return broken(errno);
		body.spooled += put;
	}
	return 0;
}

/* Whether more came before the deadline; *got is how much. */
static bool
drain_some(time_t deadline, ssize_t *got)
{
	struct pollfd input = { .fd = body.descriptor, .events = POLLIN };
	char buffer[STALLED];
	time_t left = deadline - time(NULL);

	if (body_pending() == -1 || process_is_terminated() || left <= 0 ||
	    poll(&input, 1, (int)left * 1000) != 1)
		return false;
	*got = read_descriptor(buffer, sizeof(buffer));
	return *got > 0;
}

void
body_drain(unsigned seconds)
{
	time_t deadline = time(NULL) + seconds;
	int64_t drained = 0;
	ssize_t got;

	while (drain_some(deadline, &got)) {
		drained += got;
		if (drained >= STALLED) {
			deadline = time(NULL) + seconds;
			drained = 0;
		}
	}
}

void
body_close(void)
{
	close(body.descriptor);
	body.descriptor = -1;
	body.remaining = 0;
}
