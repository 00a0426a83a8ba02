/*
 * The floor wsgi/ is one call of the application: its environ, its input, and
 * the response. It neither starts Python nor imports the application.
 *
 * Here the application meets start_response() and write(), and what it returns
 * is taken block by block. Which bytes of that leave is in framing.c.
 */

#include <stdlib.h>
#include <string.h>

#include "cgi/page.h"
#include "cgi/process.h"
#include "cgi/reply.h"
#include "cgi/report.h"
#include "python/traceback.h"
#include "wsgi/file_wrapper.h"
#include "wsgi/framing.h"
#include "wsgi/head.h"
#include "wsgi/response.h"

/* In one call leave CHUNKS chunks at most, none once ENOUGH bytes are there. */
#define CHUNKS 64
#define ENOUGH 65536
#define REFUSAL "__cgi2wsgi_refusal__"

static struct framing framing; /* of the one response */
static const struct response_observer *observer; /* or NULL */

/*
 * Marks the current exception as one about a rule of WSGI, which want of memory
 * is not: an application that does not catch it failed by that rule. Returns
 * NULL.
 */
static PyObject *
mark_refusal(void)
{
	PyObject *exception = PyErr_GetRaisedException();

	if (!PyErr_GivenExceptionMatches(exception, PyExc_MemoryError) &&
	    PyObject_SetAttrString(exception, REFUSAL, Py_True) == -1)
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
		!PyExceptionInstance_Check(PyTuple_GET_ITEM(exc_info, 1))))
		PyErr_Format(PyExc_TypeError,
		    "start_response: exc_info must be what sys.exc_info() "
		    "returns, not %.200s",
		    Py_TYPE(exc_info)->tp_name);
	else if (process_is_child())
		PyErr_SetString(PyExc_RuntimeError,
		    "start_response: the reply is the parent process's");
	else if (framing.state == OVER)
		PyErr_SetString(
		    PyExc_RuntimeError, "start_response: the response is over");
	else if (exc_info != Py_None)
		return framing.state == SENT ? raise_again(exc_info) : 0;
	else if (framing.state != NOTHING)
		PyErr_SetString(PyExc_AssertionError,
		    "start_response: called again without exc_info (PEP 3333)");
	else
		return 0;
	mark_refusal();
	return -1;
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
	head_free(&framing.head);
	framing.head = head;
	framing.state = ACCEPTED;
	if (observer != NULL)
		observer->head(&framing.head);
	return write_callable();
}

/* PEP 3333 "The write() Callable" */
static PyObject *
write_data(PyObject *self, PyObject *data)
{
	(void)self;
	if (process_is_child() || framing.state == OVER)
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
	framing.wrote = true;
	if (framing_send_block(&framing, PyBytes_AS_STRING(data),
		PyBytes_GET_SIZE(data)) == -1)
		return NULL;
	if (framing.excess)
		return PyErr_Format(PyExc_ValueError,
		    "write: more data than Content-Length (%lld)",
		    (long long)framing.head.content_length);
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
fail_no_start(void)
{
	return report_fail(REPORT_PROTOCOL,
	    "the application did not call start_response before its first "
	    "non-empty block or its end");
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
	if (filled > 0 && framing.state == NOTHING)
		return fail_no_start();
	if (filled > 0 && framing_send(&framing, parts, filled, size) == -1)
		return -1;
	if (i == count || framing_is_complete(&framing))
		return 0;
	return report_fail(REPORT_PROTOCOL,
	    "the application yielded %s, not bytes%s",
	    Py_TYPE(chunks[i])->tp_name,
	    PyUnicode_Check(chunks[i])
		? ": encode it, as in text.encode('utf-8')"
		: "");
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
	while (status == 0 && !framing_is_complete(&framing) &&
	    (count = take_chunks(iterator, chunks)) > 0) {
		status = process_is_child() ? -1 : send_chunks(chunks, count);
		while (count > 0)
			Py_DECREF(chunks[--count]);
	}
	Py_DECREF(iterator);
	return PyErr_Occurred() ? -1 : status;
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
		    "in return [b'...']%s",
		    Py_TYPE(result)->tp_name,
		    result == Py_None ? ": a function without a return gives "
					"None"
			: PyUnicode_Check(result)
			? ": encode it, as in [text.encode('utf-8')]"
			: "");
	return 0;
}

static int
send_result(PyObject *result)
{
	int file, by_kernel;
	off_t offset;

	if (check_result(result) == -1 ||
	    (by_kernel = file_wrapper_descriptor(result, &file, &offset)) == -1)
		return -1;
	if (by_kernel == 1 && framing.state == NOTHING)
		return fail_no_start();
	/* Only these types cannot lie about their length. */
	framing.sole_block = (PyList_CheckExact(result) ||
				 PyTuple_CheckExact(result)) &&
	    Py_SIZE(result) <= 1;
	if ((by_kernel == 1 ? framing_send_file(&framing, file, offset)
			    : send_iterable(result)) == -1)
		return -1;
	if (process_is_child())
		return 0;
	if (framing.state == NOTHING)
		return fail_no_start();
	return framing.state == ACCEPTED ? framing_send_block(&framing, "", 0)
					 : 0;
}

/* Whether the response was delivered whole; if not, says so. */
static bool
conclude_response(int status, PyObject *application)
{
	enum report_code code;
	const char *cause;

	if (framing.client_gone) {
		PyErr_Clear();
		report_log(REPORT_CLIENT_GONE,
		    "the client left after %lld bytes of the body",
		    (long long)framing.sent);
		return false;
	}
	if (status == -1) {
		if (PyErr_Occurred())
			traceback_fail_call(
			    is_refusal() ? REPORT_PROTOCOL : REPORT_APPLICATION,
			    "the application raised an exception", application);
		page_deliver();
		return false;
	}
	if (framing.head.content_length != -1 &&
	    framing_bytes_left(&framing) > 0) {
		report_log(REPORT_SHORT_BODY,
		    "the application gave %lld bytes less than its "
		    "Content-Length of %lld",
		    (long long)framing_bytes_left(&framing),
		    (long long)framing.head.content_length);
		return false;
	}
	/* The log has the stacks of that moment. */
	if ((cause = process_interruption(&code)) != NULL)
		report_log(code, "%s, but the application went on and answered",
		    cause);
	if (framing.excess)
		report_log(REPORT_LONG_BODY,
		    "the application gave more bytes than its Content-Length "
		    "of %lld; the rest was dropped",
		    (long long)framing.head.content_length);
	return true;
}

/* PEP 3333: close() is called however the request ended. */
static void
close_result(PyObject *result)
{
	PyObject *close = PyObject_GetAttrString(result, "close"),
		 *closed = NULL;

	if (observer != NULL)
		observer->close(close != NULL);
	if (close != NULL)
		closed = PyObject_CallNoArgs(close);
	if (closed == NULL &&
	    (close != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError)))
		traceback_log(REPORT_CLOSE, "close() raised an exception");
	PyErr_Clear();
	Py_XDECREF(closed);
	Py_XDECREF(close);
}

void
response_open(void)
{
	head_free(&framing.head);
	if (framing.turn != NULL)
		PyThread_free_lock(framing.turn);
	framing = (struct framing){ .head = { .content_length = -1 } };
	observer = NULL;
}

void
response_observe(const struct response_observer *wanted)
{
	observer = wanted;
	framing.blocks = wanted != NULL ? wanted->blocks : NULL;
}

int
response_run(
    PyObject *application, PyObject *env, const struct request *request)
{
	static PyMethodDef definition = { "start_response",
		WITH_KEYWORDS(start_response),
		"start_response(status, headers, exc_info=None) -> write" };
	const char *method = request_value(request, "REQUEST_METHOD");
	PyObject *start = PyCFunction_New(&definition, NULL), *result = NULL;
	int status = -1;

	framing.head_request = method != NULL && strcmp(method, "HEAD") == 0;
	if (start != NULL)
		result = PyObject_CallFunctionObjArgs(
		    application, env, start, NULL);
	if (result != NULL && !process_is_child()) {
		if (observer != NULL)
			observer->result(result);
		status = send_result(result);
	}
	/* A child that the application forked ends as any Python process. */
	if (process_is_child()) {
		if (PyErr_Occurred() == NULL)
			return 0;
		PyErr_Print();
		return -1;
	}
	status = conclude_response(status, application) ? 0 : -1;
	if (status == -1 && !framing.client_gone &&
	    framing.head.content_length != -1 &&
	    framing_bytes_left(&framing) > 0)
		reply_await_reader();
	framing.state = OVER;
	process_finish(status == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
	if (result != NULL)
		close_result(result);
	Py_XDECREF(result);
	Py_XDECREF(start);
	return status;
}
