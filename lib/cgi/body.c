/*
 * One descriptor, how much of it is ours, and what was read before the
 * application asked for it.
 */

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgi/ascii.h"
#include "cgi/body.h"
#include "cgi/clock.h"
#include "cgi/header.h"
#include "cgi/log.h"
#include "cgi/process.h"
#include "cgi/report.h"

#define ENDLESS INT64_MAX /* only end of file ends it */
#define IN_MEMORY 65536 /* bytes; more than that is kept in a file */

static struct {
	int descriptor;
	int64_t remaining; /* bytes still to come from descriptor */
	int64_t limit; /* --max-body */
	bool endless; /* CONTENT_LENGTH is not known yet */
	bool refused; /* is above the limit */
	bool compressed; /* by the client */
	bool measured;
	bool abandoned; /* by the application, which failed */
	int error; /* errno: why no more can be read; or 0 */
	int lost; /* errno: why some of the body could not be kept; or 0 */
	int file; /* unnamed, for what is behind IN_MEMORY bytes; or -1 */
	int64_t kept, given; /* bytes, of those kept */
	char length[24]; /* CONTENT_LENGTH of what was stored */
} body = { .descriptor = -1 };
static char memory[IN_MEMORY];
/* For what nobody reads. Not on the stack: compilers have a call touch all
 * pages of what it may need there, for safety. */
static char waste[65536];

void
body_open(int descriptor)
{
	memset(&body, 0, sizeof(body));
	body.descriptor = descriptor;
	body.file = -1;
}

/*
 * Without a length there is a body only where the server has undone a
 * chunked upload and closes the pipe behind it; Caddy says -1.
 */
static bool
ends_at_end_of_file(const struct request *request, const char *length)
{
	if (length != NULL)
		return strcmp(length, "-1") == 0 &&
		    request_is_by(request, "Caddy");
	return request_text(request, "HTTP_TRANSFER_ENCODING", NULL) != NULL;
}

/*
 * busybox hands over a part of it, still in chunks, and uWSGI nothing. Apache
 * undoes the chunks alone: of "gzip, chunked" gzip is left (RFC 9112 6.1).
 */
static bool
is_dechunked(const struct request *request)
{
	const char *coding = request_text(
	    request, "HTTP_TRANSFER_ENCODING", "");
	size_t length = strlen(coding);

	coding = header_trim(coding, &length);
	return ascii_equal_text(coding, length, "chunked") &&
	    !request_is_by(request, "busybox") &&
	    !request_is_by(request, "uWSGI");
}

/* Two lengths that differ are an attempt to smuggle a request. */
static bool
lengths_agree(const struct request *request, const char *length)
{
	const struct variable *v;
	size_t i;

	for (i = 0; i < request->count; i++) {
		v = &request->variables[i];
		if (v->value != NULL && request_is_named(v, "CONTENT_LENGTH") &&
		    strcmp(v->value, length) != 0)
			return false;
	}
	return true;
}

static int
refuse_too_large(int64_t size)
{
	body.refused = true;
	return report_fail(REPORT_TOO_LARGE,
	    "the body has %s%" PRId64 " bytes, --max-body allows %" PRId64,
	    size == body.limit ? "more than " : "", size, body.limit);
}

int
body_measure(const struct request *request, int64_t limit)
{
	const char *length = request_value(request, "CONTENT_LENGTH");

	body.measured = true;
	body.limit = limit < 0 ? ENDLESS : limit;
	body.compressed = request_text(
			      request, "HTTP_CONTENT_ENCODING", NULL) != NULL;
	if (length != NULL && !lengths_agree(request, length))
		return report_fail(REPORT_CONTENT_LENGTH,
		    "CONTENT_LENGTH was given twice and differs");
	if (length != NULL && *length == '\0')
		length = NULL;
	body.endless = ends_at_end_of_file(request, length);
	if (body.endless && length == NULL && !is_dechunked(request)) {
		body.endless = false;
		return report_fail(REPORT_LENGTH_REQUIRED,
		    "the server does not undo this Transfer-Encoding: '%s'",
		    request_text(request, "HTTP_TRANSFER_ENCODING", ""));
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
	} else if (body.remaining > body.limit)
		return refuse_too_large(body.remaining);
	return 0;
}

/* What was kept comes first, from memory and then from the file. */
static ssize_t
give_kept(void *buffer, size_t size)
{
	ssize_t got;

	if (body.given < IN_MEMORY) {
		got =
		    (ssize_t)((body.kept < IN_MEMORY ? body.kept : IN_MEMORY) -
			body.given);
		if ((size_t)got > size)
			got = (ssize_t)size;
		memcpy(buffer, memory + body.given, (size_t)got);
	} else if ((got = pread(body.file, buffer, size,
			body.given - IN_MEMORY)) == 0) {
		got = -1; /* somebody cut the file */
		errno = EIO;
	}
	if (got > 0)
		body.given += got;
	if (body.given == body.kept &&
	    (body.file == -1 || ftruncate(body.file, 0) == 0))
		body.kept = body.given = 0;
	return got;
}

/* From now on every read fails: a body is never silently short (C8). */
static int
fail_reads(int error)
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
		return fail_reads(body.error);
	while ((got = read(body.descriptor, buffer, size)) == -1 &&
	    (errno == EAGAIN || errno == EWOULDBLOCK))
		if (poll(&input, 1, -1) == -1)
			return -1;
	if (got == -1)
		return errno == EINTR ? -1 : fail_reads(errno);
	process_note_progress();
	if (body.endless)
		body.remaining = got == 0 ? 0 : ENDLESS;
	else if (got == 0)
		return fail_reads(ECONNRESET);
	else
		body.remaining -= got;
	return got;
}

ssize_t
body_read(void *buffer, size_t size)
{
	if (body.kept > body.given)
		return give_kept(buffer, size);
	if (body.lost != 0) {
		errno = body.lost;
		return -1;
	}
	return read_descriptor(buffer, size);
}

bool
body_is_measured(void)
{
	return body.measured;
}

static bool
is_left(void)
{
	return body.remaining > 0 && body.error == 0;
}

int
body_pending(void)
{
	return is_left() && !body.refused ? body.descriptor : -1;
}

static int
open_file(void)
{
	FILE *file;

	do
		file = tmpfile();
	while (file == NULL && errno == EINTR);
	if (file == NULL)
		return -1;
	body.file = fcntl(fileno(file), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	fclose(file);
	return body.file;
}

/* Returns 0, or -1 with errno. */
static int
keep_bytes(const char *bytes, size_t size)
{
	size_t fits;
	ssize_t put;

	if (body.kept < IN_MEMORY) {
		fits = (size_t)(IN_MEMORY - body.kept);
		if (fits > size)
			fits = size;
		memcpy(memory + body.kept, bytes, fits);
		body.kept += (int64_t)fits;
		bytes += fits;
		size -= fits;
	}
	if (size > 0 && body.file == -1 && open_file() == -1)
		return -1;
	for (; size > 0; bytes += put, size -= (size_t)put) {
		put = pwrite(body.file, bytes, size, body.kept - IN_MEMORY);
		if (put == -1 && errno == EINTR)
			put = 0;
		if (put == -1)
			return -1;
		log_note_other_write();
		body.kept += put;
	}
	return 0;
}

void
body_spool(void)
{
	char buffer[IN_MEMORY];
	ssize_t got = read_descriptor(buffer, sizeof(buffer));

	if (got <= 0 || body.lost != 0)
		return;
	if (body.abandoned)
		body.lost = ECANCELED;
	else if (keep_bytes(buffer, (size_t)got) == -1)
		body.lost = errno;
}

void
body_abandon(void)
{
	body.abandoned = true;
}

/* Reads all of a body without a length. Returns as body_store(). */
static int
store_rest(void)
{
	char buffer[IN_MEMORY];
	ssize_t got;

	while ((got = read_descriptor(buffer, sizeof(buffer))) > 0) {
		if (got > body.limit - body.kept)
			return refuse_too_large(body.limit);
		if (keep_bytes(buffer, (size_t)got) == -1) {
			body.remaining = 0;
			return report_fail(REPORT_SYSTEM,
			    "cannot keep the request's body: %s",
			    strerror(errno));
		}
	}
	if (got == -1 && errno == EINTR)
		return 1;
	if (got == -1)
		return report_fail(REPORT_CLIENT_GONE,
		    "the client left after %" PRId64 " bytes of a body "
		    "without a length: %s",
		    body.kept, strerror(errno));
	return 0;
}

int
body_store(struct request *request)
{
	int result;

	if (body.endless) {
		if ((result = store_rest()) != 0)
			return result;
		body.endless = false;
		snprintf(
		    body.length, sizeof(body.length), "%" PRId64, body.kept);
		if (request_set(request, "CONTENT_LENGTH", body.length) == -1)
			return report_no_memory();
	}
	return request_set(request, "HTTP_TRANSFER_ENCODING", NULL);
}

static bool
is_local_socket(void)
{
	int domain;
	socklen_t size = sizeof(domain);

	return getsockopt(body.descriptor, SOL_SOCKET, SO_DOMAIN, &domain,
		   &size) == 0 &&
	    domain == AF_UNIX;
}

/*
 * mod_cgid writes the body into the socket that it reads the reply from. If we
 * ended with bytes unread there, that would be a reset, and the reply lost
 * (unix(7)). So it is told that nobody reads any more, and goes on to the
 * reply; what it had written before is read here.
 */
static void
stop_sender(void)
{
	if (is_local_socket() && shutdown(body.descriptor, SHUT_RD) == 0)
		while (read(body.descriptor, waste, sizeof(waste)) > 0)
			;
}

void
body_drain(unsigned seconds)
{
	struct pollfd input = { .fd = body.descriptor, .events = POLLIN };
	int64_t deadline, left;
	ssize_t got = 1;
	int more;

	/*
	 * What was refused has a second: unless they can hand it over, fcgiwrap
	 * answers 502, uWSGI nothing and civetweb 500 in place of the 413. Who
	 * writes to a socket is told to stop instead, below.
	 */
	if (body.refused)
		seconds = is_local_socket() ? 0 : 1;
	deadline = clock_now() + seconds * CLOCK_SECOND;
	while (is_left() && !process_is_terminated() &&
	    (left = deadline - clock_now()) > 0) {
		if (poll(&input, 1, (int)(left / CLOCK_MILLISECOND) + 1) == 1)
			got = read_descriptor(waste, sizeof(waste));
		if (got == 0)
			break;
	}
	if (is_left())
		stop_sender();
	/* Whether the server has more for us than CONTENT_LENGTH bytes. */
	if (body.compressed && body.remaining == 0 && body.error == 0 &&
	    body.descriptor != -1 &&
	    ioctl(body.descriptor, FIONREAD, &more) == 0 && more > 0)
		report_log(REPORT_INFLATED,
		    "the server has inflated the body, but CONTENT_LENGTH is "
		    "that of the compressed one, where the body ended");
}

void
body_close(void)
{
	close(body.descriptor);
	body.descriptor = -1;
	body.remaining = 0;
	body.kept = body.given = 0;
}
