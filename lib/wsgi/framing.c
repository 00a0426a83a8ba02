/*
 * Which bytes leave. The head waits for the first block, or for the end, so
 * that until then everything can still become an error page; behind it never
 * more leaves than Content-Length says, and nothing where no body may be.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/clock.h"
#include "cgi/process.h"
#include "cgi/reply.h"
#include "cgi/report.h"
#include "wsgi/framing.h"

#define APACHE_LINE 8190 /* the longest header Apache accepts */
#define UWSGI_BLOCK 65536 /* the longest head uWSGI reads */
#define FILE_PIECE (1 << 30)

/* RFC 9110 6.4.1: responses with these statuses have no body. */
static bool
status_has_body(const struct framing *framing)
{
	const char *status = framing->head.status;

	return *status != '1' && strncmp(status, "204", 3) != 0 &&
	    strncmp(status, "304", 3) != 0;
}

static bool
may_have_body(const struct framing *framing)
{
	return !framing->head_request && status_has_body(framing);
}

/*
 * PEP 3333 lets a server add the Content-Length of the only block, and of a
 * list without any. An empty one of a HEAD request says nothing about GET's.
 * sole_block says afterwards whether it was added.
 */
static void
complete_length(struct framing *framing, int64_t size)
{
	if (framing->sole_block && !framing->wrote &&
	    status_has_body(framing) && framing->head.content_length == -1 &&
	    (!framing->head_request || size > 0))
		framing->head.content_length = size;
	else
		framing->sole_block = false;
}

static char *
make_reply_head(const struct framing *framing, size_t *length, bool has_data)
{
	const struct head *head = &framing->head;
	char *timing = clock_header(), *made;
	struct buffer headers = { 0 }, whole = { 0 };

	buffer_add_text(&headers, head->headers);
	buffer_add_text(&headers, timing != NULL ? timing : "");
	free(timing);
	if (headers.bytes != NULL)
		reply_add_head(&whole, head->status, headers.bytes,
		    framing->sole_block ? head->content_length : -1);
	whole.failed = whole.failed || headers.failed;
	free(headers.bytes);
	made = buffer_take(&whole, length);
	/*
	 * RFC 3875 6.3.1 wants one. Browsers cope without, so only those who
	 * look for a fault are told, with --debug and by --check.
	 */
	if (report_is_debug() && !head->typed && has_data &&
	    may_have_body(framing))
		report_log(REPORT_NO_TYPE,
		    "the reply has no Content-Type: a browser guesses what its "
		    "body is");
	if (head->longest > APACHE_LINE)
		report_log(REPORT_HEADER_SIZE,
		    "a header has %zu bytes; Apache refuses more than %d",
		    head->longest, APACHE_LINE);
	else if (made != NULL && *length > UWSGI_BLOCK)
		report_log(REPORT_HEADER_SIZE,
		    "the headers have %zu bytes; uWSGI refuses more than %d",
		    *length, UWSGI_BLOCK);
	return made;
}

int64_t
framing_bytes_left(const struct framing *framing)
{
	if (!may_have_body(framing))
		return 0;
	return framing->head.content_length == -1
	    ? INT64_MAX
	    : framing->head.content_length - framing->sent;
}

/* Sets an exception for a failed system call, if there is none; returns -1. */
static int
raise_send_error(struct framing *framing, int error)
{
	if (PyErr_Occurred())
		return -1;
	framing->client_gone = error == EPIPE || error == ECONNRESET;
	errno = error;
	PyErr_SetFromErrnoWithFilename(PyExc_OSError, "the reply");
	return -1;
}

/* Before the rest is sent: 0, or -1 if a signal handler raised. */
static int
check_signals(void)
{
	process_release();
	return PyErr_CheckSignals();
}

/*
 * One thread sends at a time. The one with the head is first: it has held the
 * interpreter's lock since it made it.
 */
static int
take_turn(struct framing *framing)
{
	if (framing->turn == NULL &&
	    (framing->turn = PyThread_allocate_lock()) == NULL) {
		PyErr_NoMemory();
		return -1;
	}
	if (!PyThread_acquire_lock(framing->turn, NOWAIT_LOCK)) {
		Py_BEGIN_ALLOW_THREADS
		PyThread_acquire_lock(framing->turn, WAIT_LOCK);
		Py_END_ALLOW_THREADS
	}
	framing->sender = PyThread_get_thread_ident();
	return 0;
}

static void
end_turn(struct framing *framing)
{
	framing->sender = 0;
	PyThread_release_lock(framing->turn);
}

static int
push_blocks(struct framing *framing, struct iovec *parts, int count)
{
	int result;

	if (take_turn(framing) == -1)
		return -1;
	do {
		Py_BEGIN_ALLOW_THREADS
		result = reply_push(parts, count);
		Py_END_ALLOW_THREADS
	} while (result == -1 && errno == EINTR && check_signals() == 0);
	if (result == -1)
		raise_send_error(framing, errno);
	end_turn(framing);
	return result;
}

/* Cuts the blocks to left bytes together; returns their size then. */
static int64_t
limit_blocks(struct iovec *blocks, int count, int64_t left)
{
	int64_t size = 0;
	int i;

	for (i = 0; i < count; size += (int64_t)blocks[i++].iov_len)
		if ((int64_t)blocks[i].iov_len > left - size)
			blocks[i].iov_len = (size_t)(left - size);
	return size;
}

int
framing_send(
    struct framing *framing, struct iovec *parts, int count, int64_t size)
{
	size_t head_size;
	int64_t took;
	char *head = NULL;
	int result;

	/* The handler would wait for the thread in which it runs. */
	if (framing->sender == PyThread_get_thread_ident()) {
		PyErr_SetString(PyExc_RuntimeError,
		    "write: called by a signal handler while this thread sends "
		    "a block");
		return -1;
	}
	parts[0] = (struct iovec){ 0 };
	if (framing->state == ACCEPTED) {
		complete_length(framing, size);
		if ((head = make_reply_head(
			 framing, &parts[0].iov_len, size > 0)) == NULL) {
			PyErr_NoMemory();
			return -1;
		}
		parts[0].iov_base = head;
	}
	if (size > framing_bytes_left(framing)) {
		framing->excess = may_have_body(framing);
		size = limit_blocks(
		    parts + 1, count, framing_bytes_left(framing));
	}
	/* lighttpd sends SIGTERM as soon as it has all it waits for. */
	if (size == framing_bytes_left(framing))
		process_hold();
	/* Before the lock is let go: another thread may call write(). */
	framing->sent += size;
	framing->state = SENT;
	head_size = parts[0].iov_len;
	clock_enter(CLOCK_OUTPUT);
	result = push_blocks(framing, parts, 1 + count);
	took = clock_enter(CLOCK_APPLICATION);
	if (result == 0 && framing->blocks != NULL)
		framing->blocks(count, head_size, size, took);
	free(head);
	return result;
}

int
framing_send_block(struct framing *framing, const char *block, int64_t size)
{
	struct iovec parts[2];

	parts[1].iov_base = (void *)(uintptr_t)block;
	parts[1].iov_len = (size_t)size;
	return framing_send(framing, parts, 1, size);
}

bool
framing_is_complete(const struct framing *framing)
{
	return framing->excess ||
	    (framing->state == SENT && !may_have_body(framing));
}

/*
 * Sends a piece of a file, as much as may leave. Returns how much that was, 0
 * if nothing is left, or -1 with an exception set.
 */
static ssize_t
push_file(struct framing *framing, int file, off_t *offset)
{
	ssize_t sent = 0;
	int64_t piece;

	if (take_turn(framing) == -1)
		return -1;
	if (framing_bytes_left(framing) <= FILE_PIECE)
		process_hold();
	while ((piece = framing_bytes_left(framing)) > 0) {
		if (piece > FILE_PIECE)
			piece = FILE_PIECE;
		/* As in framing_send(); what did not leave is taken back. */
		framing->sent += piece;
		Py_BEGIN_ALLOW_THREADS
		sent = reply_push_file(file, offset, (size_t)piece);
		Py_END_ALLOW_THREADS
		framing->sent -= piece - (sent > 0 ? sent : 0);
		if (sent != -1 || errno != EINTR || check_signals() == -1)
			break;
	}
	if (sent == -1)
		raise_send_error(framing, errno);
	end_turn(framing);
	return sent;
}

static int
send_file_rest(struct framing *framing, int file, off_t offset)
{
	ssize_t sent;
	int64_t took;

	do {
		clock_enter(CLOCK_OUTPUT);
		sent = push_file(framing, file, &offset);
		took = clock_enter(CLOCK_APPLICATION);
		if (sent > 0 && framing->blocks != NULL)
			framing->blocks(1, 0, sent, took);
		if (sent > 0 && framing_bytes_left(framing) > 0 &&
		    check_signals() == -1)
			return -1;
	} while (sent > 0);
	return (int)sent;
}

int
framing_send_file(struct framing *framing, int file, off_t offset)
{
	char block[65536];
	size_t wanted = sizeof(block);
	ssize_t size;

	if (framing->state == ACCEPTED && framing->head.content_length != -1 &&
	    (uintmax_t)framing->head.content_length < wanted)
		wanted = (size_t)framing->head.content_length;
	size = pread(file, block, wanted, offset);
	if (size == -1) {
		PyErr_SetFromErrno(PyExc_OSError);
		return -1;
	}
	if (size == 0)
		return 0;
	if (framing_send_block(framing, block, size) == -1)
		return -1;
	return framing_is_complete(framing)
	    ? 0
	    : send_file_rest(framing, file, offset + size);
}
