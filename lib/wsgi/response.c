/*
 * The floor wsgi/ is one call of the application: its environ, its input, and
 * the response. It starts nothing, imports nothing, and prints nothing.
 *
 * A response is nothing, then a head that start_response() has accepted, then
 * sent, then over. Only the first block, or the end, sends the head, so that
 * until then everything can still become an error page.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/body.h"
#include "cgi/clock.h"
#include "cgi/page.h"
#include "cgi/process.h"
#include "cgi/reply.h"
#include "cgi/report.h"
#include "python/traceback.h"
#include "wsgi/file_wrapper.h"
#include "wsgi/head.h"
#include "wsgi/response.h"

#define APACHE_LINE 8190 /* the longest header Apache accepts */
#define UWSGI_BLOCK 65536 /* the longest head uWSGI reads */
#define FILE_PIECE (1 << 30)
/* Chunks that leave in one call: so many, or so many bytes and one more. */
#define CHUNKS 64
#define ENOUGH 65536
#define REFUSAL "__cgi2wsgi_refusal__"

static struct {
	enum { NOTHING, ACCEPTED, SENT, OVER } state;
	struct head head;
	int64_t sent; /* bytes of the body */
	bool head_request; /* RFC 9110 9.3.2 */
	bool sole_block; /* the result has one block, or none */
	bool wrote; /* write() was used */
	bool excess, client_gone;
	PyThread_type_lock turn; /* to send */
	const struct response_observer *observer; /* or NULL */
} response;

/*
 * Marks the current exception as one about a rule of WSGI, in case that the
 * application lets it go.
 */
static PyObject *
mark_refusal(void)
{
	PyObject *exception = PyErr_GetRaisedException();

	if (PyObject_SetAttrString(exception, REFUSAL, Py_True) == -1)
		PyErr_Clear();
	PyErr_SetRaisedException(exception);
	return NULL;
}

static bool
is_refusal(void)
{
	PyObject *exception = PyErr_GetRaisedException();
	bool marked = PyObject_HasAttrString(exception, REFUSAL);

	PyErr_SetRaisedException(exception);
	return marked;
}

static int
raise_again(PyObject *exc_info)
{
	PyObject *value = PyTuple_GET_ITEM(exc_info, 1),
		 *traceback = PyTuple_GET_ITEM(exc_info, 2);

	if (PyTraceBack_Check(traceback))
		PyException_SetTraceback(value, traceback);
	PyErr_SetObject((PyObject *)Py_TYPE(value), value);
	return -1;
}

/* PEP 3333 "The start_response() Callable": when it may be called. */
static int
check_call(PyObject *exc_info)
{
	if (exc_info != Py_None &&
	    (!PyTuple_Check(exc_info) || PyTuple_GET_SIZE(exc_info) != 3 ||
		!PyExceptionInstance_Check(PyTuple_GET_ITEM(exc_info, 1)))) {
		PyErr_Format(PyExc_TypeError,
		    "start_response: exc_info must be what sys.exc_info() "
		    "returns, not %.200s",
		    Py_TYPE(exc_info)->tp_name);
		mark_refusal();
		return -1;
	}
	if (process_is_child() || response.state == OVER) {
		PyErr_SetString(PyExc_RuntimeError,
		    process_is_child()
			? "start_response: the reply is the parent process's"
			: "start_response: the response is over");
		mark_refusal();
		return -1;
	}
	if (exc_info != Py_None)
		return response.state == SENT ? raise_again(exc_info) : 0;
	if (response.state != NOTHING) {
		PyErr_SetString(PyExc_AssertionError,
		    "start_response: called again without exc_info (PEP 3333)");
		mark_refusal();
		return -1;
	}
	return 0;
}

static PyObject *write_callable(void);

/* PEP 3333: start_response(status, response_headers, exc_info=None) */
static PyObject *
start_response(PyObject *self, PyObject *arguments, PyObject *keywords)
{
	static char *names[] = { "", "", "exc_info", NULL };
	PyObject *status, *headers, *exc_info = Py_None;
	struct head head;

	(void)self;
	if (!PyArg_ParseTupleAndKeywords(arguments, keywords,
		"OO|O:start_response", names, &status, &headers, &exc_info))
		return mark_refusal();
	if (check_call(exc_info) == -1)
		return NULL;
	if (head_read(&head, status, headers) == -1)
		return mark_refusal();
	head_free(&response.head);
	response.head = head;
	response.state = ACCEPTED;
	if (response.observer != NULL)
		response.observer->head(&response.head);
	return write_callable();
}

/* RFC 9110 6.4.1: responses with these statuses have no body. */
static bool
status_has_body(void)
{
	const char *status = response.head.status;

	return *status != '1' && strncmp(status, "204", 3) != 0 &&
	    strncmp(status, "304", 3) != 0;
}

static bool
may_have_body(void)
{
	return !response.head_request && status_has_body();
}

/*
 * PEP 3333 lets a server add the Content-Length of the only block, and of a
 * list without any. An empty one of a HEAD request says nothing about GET's.
 */
static void
complete_length(int64_t size)
{
	if (response.sole_block && !response.wrote && status_has_body() &&
	    response.head.content_length == -1 &&
	    (!response.head_request || size > 0))
		response.head.content_length = size;
	else
		response.sole_block = false;
}

/* The application's headers, with what may be added to them, or NULL. */
static char *
complete_headers(const struct head *head)
{
	char *timing = clock_header(), *headers;

	if (asprintf(&headers, "%s%s", head->headers,
		timing != NULL ? timing : "") == -1)
		headers = NULL;
	free(timing);
	return headers;
}

static char *
make_head(size_t *length, bool has_data)
{
	const struct head *head = &response.head;
	char *headers, *made;

	if ((headers = complete_headers(head)) == NULL)
		return NULL;
	made = reply_head(head->status, headers,
	    response.sole_block ? head->content_length : -1, length);
	free(headers);
	/* RFC 3875 6.3.1; not in each log: many a small one does without. */
	if (report_is_debug() && !head->typed && has_data && may_have_body())
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

/* How many more bytes of the body may leave. */
static int64_t
bytes_left(void)
{
	if (!may_have_body())
		return 0;
	return response.head.content_length == -1
	    ? INT64_MAX
	    : response.head.content_length - response.sent;
}

/* After a system call on the reply failed: an exception, if there is none. */
static int
lose_client(int error)
{
	if (PyErr_Occurred())
		return -1;
	response.client_gone = error == EPIPE || error == ECONNRESET;
	errno = error;
	PyErr_SetFromErrno(PyExc_OSError);
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
 * One thread at a time: who got here first, still with the interpreter's lock,
 * has the head.
 */
static int
take_turn(void)
{
	if (response.turn == NULL &&
	    (response.turn = PyThread_allocate_lock()) == NULL) {
		PyErr_NoMemory();
		return -1;
	}
	if (PyThread_acquire_lock(response.turn, NOWAIT_LOCK))
		return 0;
	Py_BEGIN_ALLOW_THREADS
	PyThread_acquire_lock(response.turn, WAIT_LOCK);
	Py_END_ALLOW_THREADS
	return 0;
}

static int
push_blocks(struct iovec *parts, int count)
{
	int result;

	if (take_turn() == -1)
		return -1;
	do {
		Py_BEGIN_ALLOW_THREADS
		result = reply_push(parts, count);
		Py_END_ALLOW_THREADS
	} while (result == -1 && errno == EINTR && check_signals() == 0);
	if (result == -1)
		lose_client(errno);
	PyThread_release_lock(response.turn);
	return result;
}

/* Cuts off what is more than may leave; returns what is left. */
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

/*
 * Sends blocks in one call, and the head before the first ones: parts has
 * room for it before them.
 */
static int
send_blocks(struct iovec *parts, int count, int64_t size)
{
	size_t head_size;
	int64_t took;
	char *head = NULL;
	int result;

	parts[0] = (struct iovec){ 0 };
	if (response.state == ACCEPTED) {
		complete_length(size);
		if ((head = make_head(&parts[0].iov_len, size > 0)) == NULL) {
			PyErr_NoMemory();
			return -1;
		}
		parts[0].iov_base = head;
	}
	if (size > bytes_left()) {
		response.excess = may_have_body();
		size = limit_blocks(parts + 1, count, bytes_left());
	}
	/* lighttpd sends SIGTERM as soon as it has all it waits for. */
	if (size == bytes_left())
		process_hold();
	/* Before the lock is let go: another thread may call write(). */
	response.sent += size;
	response.state = SENT;
	head_size = parts[0].iov_len;
	clock_enter(CLOCK_OUTPUT);
	result = push_blocks(parts, 1 + count);
	took = clock_enter(CLOCK_APPLICATION);
	if (result == 0 && response.observer != NULL)
		response.observer->blocks(count, head_size, size, took);
	free(head);
	return result;
}

static int
send_block(const char *block, int64_t size)
{
	struct iovec parts[2];

	parts[1].iov_base = (void *)(uintptr_t)block;
	parts[1].iov_len = (size_t)size;
	return send_blocks(parts, 1, size);
}

/* PEP 3333 "The write() Callable" */
static PyObject *
write_data(PyObject *self, PyObject *data)
{
	(void)self;
	if (process_is_child() || response.state == OVER)
		return PyErr_Format(PyExc_RuntimeError,
		    process_is_child()
			? "write: the reply is the parent process's"
			: "write: the response is over");
	if (!PyBytes_Check(data)) {
		PyErr_Format(PyExc_TypeError,
		    "write: data must be bytes, not %.200s",
		    Py_TYPE(data)->tp_name);
		return mark_refusal();
	}
	if (PyBytes_GET_SIZE(data) == 0)
		Py_RETURN_NONE;
	response.wrote = true;
	if (send_block(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)) == -1)
		return NULL;
	if (response.excess)
		return PyErr_Format(PyExc_ValueError,
		    "write: more data than Content-Length (%lld)",
		    (long long)response.head.content_length);
	Py_RETURN_NONE;
}

static PyObject *
write_callable(void)
{
	static PyMethodDef definition = { "write", write_data, METH_O,
		"write(data): send bytes at once" };

	return PyCFunction_New(&definition, NULL);
}

static int
breach_no_start(void)
{
	return report_fail(REPORT_PROTOCOL,
	    "the application did not call start_response before its first "
	    "non-empty block or its end");
}

static int
breach_type(PyObject *chunk)
{
	return report_fail(REPORT_PROTOCOL,
	    "the application yielded %s, not bytes%s", Py_TYPE(chunk)->tp_name,
	    PyUnicode_Check(chunk) ? ": encode it, as in text.encode('utf-8')"
				   : "");
}

/* Whether nothing that the application still yields could be sent. */
static bool
is_complete(void)
{
	return response.excess || (response.state == SENT && !may_have_body());
}

static int
send_chunks(PyObject *const *chunks, int count)
{
	struct iovec parts[1 + CHUNKS];
	int64_t size = 0;
	int filled = 0, i;

	for (i = 0; i < count && PyBytes_Check(chunks[i]); i++) {
		if (PyBytes_GET_SIZE(chunks[i]) == 0)
			continue;
		parts[++filled].iov_base = PyBytes_AS_STRING(chunks[i]);
		parts[filled].iov_len = (size_t)PyBytes_GET_SIZE(chunks[i]);
		size += PyBytes_GET_SIZE(chunks[i]);
	}
	if (filled > 0 && response.state == NOTHING)
		return breach_no_start();
	if (filled > 0 && send_blocks(parts, filled, size) == -1)
		return -1;
	return i < count && !is_complete() ? breach_type(chunks[i]) : 0;
}

/*
 * PEP 3333 "Buffering and Streaming": no block waits for the next one. Those
 * of a list or tuple are there, and need not leave one by one.
 */
static int
take_chunks(PyObject *iterator, PyObject **chunks)
{
	bool are_there = Py_TYPE(iterator) == &PyListIter_Type ||
	    Py_TYPE(iterator) == &PyTupleIter_Type;
	int wanted = are_there ? CHUNKS : 1, count = 0;
	Py_ssize_t size = 0;
	PyObject *chunk;

	while (count < wanted && size < ENOUGH &&
	    (chunk = PyIter_Next(iterator)) != NULL) {
		if (PyBytes_Check(chunk))
			size += PyBytes_GET_SIZE(chunk);
		chunks[count++] = chunk;
	}
	return count;
}

static int
send_iterable(PyObject *result)
{
	PyObject *iterator = PyObject_GetIter(result), *chunks[CHUNKS];
	int count, status = 0;

	if (iterator == NULL) {
		if (PyErr_ExceptionMatches(PyExc_TypeError))
			mark_refusal();
		return -1;
	}
	while (status == 0 && !is_complete() &&
	    (count = take_chunks(iterator, chunks)) > 0) {
		status = process_is_child() ? -1 : send_chunks(chunks, count);
		while (count > 0)
			Py_DECREF(chunks[--count]);
	}
	Py_DECREF(iterator);
	return PyErr_Occurred() ? -1 : status;
}

/*
 * The same for a piece of a file, as long as may leave: how much was sent, 0
 * if nothing is left, or -1 with an exception set.
 */
static ssize_t
push_file(int file, off_t *offset)
{
	ssize_t sent = 0;
	int64_t left;

	if (take_turn() == -1)
		return -1;
	if ((left = bytes_left()) <= FILE_PIECE)
		process_hold();
	while (left > 0) {
		Py_BEGIN_ALLOW_THREADS
		sent = reply_push_file(file, offset,
		    (size_t)(left < FILE_PIECE ? left : FILE_PIECE));
		Py_END_ALLOW_THREADS
		if (sent != -1 || errno != EINTR || check_signals() == -1)
			break;
	}
	if (sent > 0)
		response.sent += sent;
	if (sent == -1)
		lose_client(errno);
	PyThread_release_lock(response.turn);
	return sent;
}

static int
send_file_rest(int file, off_t offset)
{
	ssize_t sent;
	int64_t took;

	do {
		clock_enter(CLOCK_OUTPUT);
		sent = push_file(file, &offset);
		took = clock_enter(CLOCK_APPLICATION);
		if (sent > 0 && response.observer != NULL)
			response.observer->blocks(1, 0, sent, took);
		if (sent > 0 && bytes_left() > 0 && check_signals() == -1)
			return -1;
	} while (sent > 0);
	return (int)sent;
}

/* The first block takes the head along; the kernel sends the rest. */
static int
send_file(int file, off_t offset)
{
	char block[65536];
	size_t wanted = sizeof(block);
	ssize_t size;

	if (response.state == ACCEPTED && response.head.content_length != -1 &&
	    (uintmax_t)response.head.content_length < wanted)
		wanted = (size_t)response.head.content_length;
	size = pread(file, block, wanted, offset);

	if (size == -1) {
		PyErr_SetFromErrno(PyExc_OSError);
		return -1;
	}
	if (size == 0)
		return 0;
	if (response.state == NOTHING)
		return breach_no_start();
	if (send_block(block, size) == -1)
		return -1;
	return is_complete() ? 0 : send_file_rest(file, offset + size);
}

static int
check_result(PyObject *result)
{
	if (PyCoro_CheckExact(result) || PyAsyncGen_CheckExact(result))
		return report_fail(REPORT_PROTOCOL,
		    "the application returned %s, as async def does: WSGI "
		    "calls a plain function; wrap an ASGI application, as in "
		    "application = a2wsgi.ASGIMiddleware(app)",
		    Py_TYPE(result)->tp_name);
	if (PyUnicode_Check(result) || PyBytes_Check(result) ||
	    PyDict_Check(result) ||
	    (Py_TYPE(result)->tp_iter == NULL && !PySequence_Check(result)))
		return report_fail(REPORT_PROTOCOL,
		    "the application returned %s, not an iterable of bytes, as "
		    "in return [b'...']",
		    Py_TYPE(result)->tp_name);
	return 0;
}

/* One block or none. Only these types cannot lie about their length. */
static bool
has_one_block(PyObject *result)
{
	return (PyList_CheckExact(result) && PyList_GET_SIZE(result) <= 1) ||
	    (PyTuple_CheckExact(result) && PyTuple_GET_SIZE(result) <= 1);
}

static int
send_result(PyObject *result)
{
	int file, by_kernel;
	off_t offset;

	if (check_result(result) == -1 ||
	    (by_kernel = file_wrapper_descriptor(result, &file, &offset)) == -1)
		return -1;
	response.sole_block = has_one_block(result);
	if ((by_kernel == 1 ? send_file(file, offset)
			    : send_iterable(result)) == -1)
		return -1;
	if (process_is_child())
		return 0;
	if (response.state == NOTHING)
		return breach_no_start();
	return response.state == ACCEPTED ? send_block("", 0) : 0;
}

/* What the current exception is about. */
static enum report_code
choose_code(void)
{
	return is_refusal() ? REPORT_PROTOCOL : REPORT_APPLICATION;
}

/* Whether the response was delivered whole; if not, says so. */
static bool
conclude_response(int status, PyObject *application)
{
	if (response.client_gone) {
		PyErr_Clear();
		report_log(REPORT_CLIENT_GONE,
		    "the client left after %lld bytes of the body",
		    (long long)response.sent);
		return false;
	}
	if (status == -1) {
		if (PyErr_Occurred())
			traceback_fail_call(choose_code(),
			    "the application raised an exception", application);
		page_deliver();
		return false;
	}
	if (response.excess)
		report_log(REPORT_LONG_BODY,
		    "the application gave more bytes than its Content-Length "
		    "of %lld; the rest was dropped",
		    (long long)response.head.content_length);
	else if (response.head.content_length != -1 && bytes_left() > 0) {
		report_log(REPORT_SHORT_BODY,
		    "the application gave %lld bytes less than its "
		    "Content-Length of %lld",
		    (long long)bytes_left(),
		    (long long)response.head.content_length);
		return false;
	}
	return true;
}

/* PEP 3333: close() is called however the request ended. */
static void
close_result(PyObject *result)
{
	PyObject *close = PyObject_GetAttrString(result, "close"),
		 *closed = NULL;

	if (response.observer != NULL)
		response.observer->close(close != NULL);
	if (close != NULL)
		closed = PyObject_CallNoArgs(close);
	if (closed == NULL &&
	    (close != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError)))
		traceback_log(REPORT_CLOSE, "close() raised an exception");
	PyErr_Clear();
	Py_XDECREF(closed);
	Py_XDECREF(close);
}

/* A child that the application forked ends as any Python process does. */
static int
conclude_child(void)
{
	if (PyErr_Occurred() == NULL)
		return 0;
	PyErr_Print();
	return -1;
}

void
response_open(void)
{
	head_free(&response.head);
	if (response.turn != NULL)
		PyThread_free_lock(response.turn);
	memset(&response, 0, sizeof(response));
	response.head.content_length = -1;
}

void
response_observe(const struct response_observer *observer)
{
	response.observer = observer;
}

int
response_run(
    PyObject *application, PyObject *env, const struct request *request)
{
	static PyMethodDef definition = { "start_response",
		(PyCFunction)(void (*)(void))start_response,
		METH_VARARGS | METH_KEYWORDS,
		"start_response(status, headers, exc_info=None) -> write" };
	const char *method = request_value(request, "REQUEST_METHOD");
	PyObject *start = PyCFunction_New(&definition, NULL), *result = NULL;
	int status = -1;

	response.head_request = method != NULL && strcmp(method, "HEAD") == 0;
	if (start != NULL)
		result = PyObject_CallFunctionObjArgs(
		    application, env, start, NULL);
	if (result != NULL && !process_is_child()) {
		if (response.observer != NULL)
			response.observer->result(result);
		status = send_result(result);
	}
	if (process_is_child())
		return conclude_child();
	status = conclude_response(status, application) ? 0 : -1;
	response.state = OVER;
	process_finish(status == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
	if (result != NULL)
		close_result(result);
	Py_XDECREF(result);
	Py_XDECREF(start);
	return status;
}
