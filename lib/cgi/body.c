/* One descriptor, how much of it is ours, and a spool. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgi/body.h"
#include "cgi/clock.h"
#include "cgi/header.h"
#include "cgi/process.h"
#include "cgi/report.h"

#define ENDLESS INT64_MAX /* only end of file ends it */

static struct {
	int descriptor;
	int64_t remaining; /* bytes still to come from descriptor */
	int64_t allowance; /* bytes until --max-body is exceeded */
	bool endless;
	bool too_large;
	bool measured;
	int error; /* why no more can be read */
	int lost; /* why the spool is incomplete */
	FILE *spool;
	off_t spooled, replayed;
} body = { .descriptor = -1 };

void
body_open(int descriptor)
{
	memset(&body, 0, sizeof(body));
	body.descriptor = descriptor;
}

/*
 * Without a length there is a body only where the server has undone a
 * chunked upload and closes the pipe behind it; Caddy says -1.
 */
static bool
ends_with_file(const struct request *request, const char *length)
{
	if (length != NULL)
		return strcmp(length, "-1") == 0 &&
		    request_is_by(request, "Caddy");
	return request_value(request, "HTTP_TRANSFER_ENCODING") != NULL;
}

/* busybox hands over a part of it, still in chunks, and uWSGI nothing. */
static bool
is_lost(const struct request *request)
{
	return request_is_by(request, "busybox") ||
	    request_is_by(request, "uWSGI");
}

/* Two lengths that differ are an attempt to smuggle a request. */
static bool
lengths_agree(const struct request *request, const char *length)
{
	const struct variable *v;
	size_t i;

	for (i = 0; i < request->count; i++) {
		v = &request->variables[i];
		if (v->value != NULL && request_names(v, "CONTENT_LENGTH") &&
		    strcmp(v->value, length) != 0)
			return false;
	}
	return true;
}

int
body_measure(const struct request *request, int64_t limit)
{
	const char *length = request_value(request, "CONTENT_LENGTH");

	body.measured = true;
	if (length != NULL && !lengths_agree(request, length))
		return report_fail(REPORT_CONTENT_LENGTH,
		    "CONTENT_LENGTH was given twice and differs");
	if (length != NULL && *length == '\0')
		length = NULL;
	body.allowance = limit < 0 ? INT64_MAX : limit;
	body.endless = ends_with_file(request, length);
	if (body.endless && length == NULL && is_lost(request)) {
		body.endless = false;
		return report_fail(REPORT_LENGTH_REQUIRED,
		    "the server does not undo a chunked upload");
	}
	if (body.endless)
		body.remaining = ENDLESS;
	else if (length == NULL)
		body.remaining = 0;
	else if (header_read_length(length, strlen(length), &body.remaining) ==
	    -1) {
		body.remaining = 0; /* no end is known: nothing is drained */
		return report_fail(REPORT_CONTENT_LENGTH,
		    "CONTENT_LENGTH is no number of bytes: '%s'", length);
	} else if (body.remaining > body.allowance)
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
	process_note_progress();
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
	ssize_t got;

	if (body.spooled > body.replayed)
		got = read_spool(buffer, size);
	else if (body.lost != 0) {
		errno = body.lost;
		return -1;
	} else
		got = read_descriptor(buffer, size);
	if (got > 0 && (body.allowance -= got) < 0) {
		body.too_large = true;
		errno = EFBIG;
		return -1;
	}
	return got;
}

bool
body_is_measured(void)
{
	return body.measured;
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

void
body_spool(void)
{
	char buffer[65536];
	ssize_t got, put, done;

	if (body.spool == NULL && body.lost == 0) {
		if ((body.spool = tmpfile()) != NULL)
			fcntl(fileno(body.spool), F_SETFD, FD_CLOEXEC);
		else
			body.lost = errno;
	}
	got = read_descriptor(buffer, sizeof(buffer));
	for (done = 0; done < got && body.lost == 0; done += put) {
		put = pwrite(fileno(body.spool), buffer + done,
		    (size_t)(got - done), body.spooled);
		if (put == -1)
			body.lost = errno;
		else
			body.spooled += put;
	}
}

void
body_drain(unsigned seconds)
{
	struct pollfd input = { .fd = body.descriptor, .events = POLLIN };
	int64_t deadline = clock_now() + seconds * CLOCK_SECOND, left;
	char buffer[65536];
	ssize_t got = 1;

	while (body_pending() != -1 && !process_is_terminated() &&
	    (left = deadline - clock_now()) > 0) {
		if (poll(&input, 1, (int)(left / CLOCK_MILLISECOND) + 1) == 1)
			got = read_descriptor(buffer, sizeof(buffer));
		if (got == 0)
			break;
	}
}

void
body_close(void)
{
	close(body.descriptor);
	body.descriptor = -1;
	body.remaining = 0;
	body.spooled = body.replayed = 0;
}
