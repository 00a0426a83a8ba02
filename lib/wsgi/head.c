/* Everything is checked before anything is kept (PEP 3333). */

#include <stdlib.h>
#include <string.h>

#include "cgi/ascii.h"
#include "cgi/buffer.h"
#include "cgi/header.h"
#include "cgi/report.h"
#include "wsgi/head.h"

/*
 * PEP 3333: bytes that are not text travel as Latin-1. what and whole are for
 * messages: the name of this part, and the status or header it is part of.
 */
static PyObject *
encode_part(PyObject *text, const char *what, PyObject *whole)
{
	PyObject *bytes;

	if (!PyUnicode_Check(text))
		return PyErr_Format(PyExc_TypeError,
		    "start_response: %R: %s must be str, not %.200s", whole,
		    what, Py_TYPE(text)->tp_name);
	if ((bytes = PyUnicode_AsLatin1String(text)) == NULL &&
	    PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
		return PyErr_Format(PyExc_ValueError,
		    "start_response: %R: %s is not Latin-1; PEP 3333 wants "
		    "text.encode('utf-8').decode('latin-1')",
		    whole, what);
	return bytes;
}

/* The statuses of IANA's registry, as http.HTTPStatus has them. */
static const char reasons[] =
    ";100 Continue;101 Switching Protocols;102 Processing;103 Early Hints"
    ";200 OK;201 Created;202 Accepted;203 Non-Authoritative Information"
    ";204 No Content;205 Reset Content;206 Partial Content"
    ";207 Multi-Status;208 Already Reported;226 IM Used"
    ";300 Multiple Choices;301 Moved Permanently;302 Found;303 See Other"
    ";304 Not Modified;305 Use Proxy;307 Temporary Redirect"
    ";308 Permanent Redirect;400 Bad Request;401 Unauthorized"
    ";402 Payment Required;403 Forbidden;404 Not Found"
    ";405 Method Not Allowed;406 Not Acceptable"
    ";407 Proxy Authentication Required;408 Request Timeout;409 Conflict"
    ";410 Gone;411 Length Required;412 Precondition Failed"
    ";413 Request Entity Too Large;414 Request-URI Too Long"
    ";415 Unsupported Media Type;416 Requested Range Not Satisfiable"
    ";417 Expectation Failed;418 I'm a Teapot;421 Misdirected Request"
    ";422 Unprocessable Entity;423 Locked;424 Failed Dependency"
    ";425 Too Early;426 Upgrade Required;428 Precondition Required"
    ";429 Too Many Requests;431 Request Header Fields Too Large"
    ";451 Unavailable For Legal Reasons;500 Internal Server Error"
    ";501 Not Implemented;502 Bad Gateway;503 Service Unavailable"
    ";504 Gateway Timeout;505 HTTP Version Not Supported"
    ";506 Variant Also Negotiates;507 Insufficient Storage"
    ";508 Loop Detected;510 Not Extended"
    ";511 Network Authentication Required;";

/* PEP 3333 wants a reason behind the number. */
static PyObject *
complete_status(PyObject *status)
{
	char wanted[] = ";000 ";
	const char *found;

	memcpy(wanted + 1, PyBytes_AS_STRING(status), 3);
	found = strstr(reasons, wanted);
	if (found == NULL)
		return PyBytes_FromFormat("%.3s Unknown", wanted + 1);
	found++;
	return PyBytes_FromStringAndSize(
	    found, (Py_ssize_t)strcspn(found, ";"));
}

static int
read_status(PyObject *status, struct head *head)
{
	PyObject *bytes = encode_part(status, "a status", status);
	const char *rule, *reason;

	if (bytes == NULL)
		return -1;
	rule = header_check_status(
	    PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
	if (rule != NULL) {
		PyErr_Format(
		    PyExc_ValueError, "start_response: %R: %s", status, rule);
		Py_DECREF(bytes);
		return -1;
	}
	reason = PyBytes_AS_STRING(bytes) + 3;
	if (reason[strspn(reason, " ")] == '\0')
		Py_SETREF(bytes, complete_status(bytes));
	if (bytes == NULL)
		return -1;
	head->status = strdup(PyBytes_AS_STRING(bytes));
	Py_DECREF(bytes);
	if (head->status == NULL) {
		PyErr_NoMemory();
		return -1;
	}
	return 0;
}

/* Notes what there may be once only (E4). Returns NULL or the broken rule. */
static const char *
note_header(
    struct head *head, const char *name, const char *value, size_t length)
{
	bool again = false;

	if (ascii_equal(name, "Content-Length")) {
		again = head->content_length != -1;
		if (header_read_length(value, length, &head->content_length) ==
		    -1)
			return "Content-Length has digits only "
			       "(RFC 9110 8.6)";
	} else if (ascii_equal(name, "Content-Type")) {
		again = head->typed;
		head->typed = true;
	} else if (ascii_equal(name, "Location")) {
		again = head->located;
		head->located = true;
	}
	return again ? "this header is sent once only" : NULL;
}

/* Checks one header and appends its line. Returns NULL or the broken rule. */
static const char *
add_header(
    struct buffer *to, struct head *head, PyObject *name, PyObject *value)
{
	const char *rule, *text = PyBytes_AS_STRING(name),
			  *content = PyBytes_AS_STRING(value);
	size_t length = (size_t)PyBytes_GET_SIZE(value);

	rule = header_check_name(text, (size_t)PyBytes_GET_SIZE(name));
	if (rule == NULL)
		rule = header_check_value(content, length);
	if (rule == NULL) {
		content = header_trim(content, &length);
		rule = note_header(head, text, content, length);
	}
	if (rule != NULL)
		return rule;
	/* G3: Apache would serve that URL itself and throw the body away. */
	if (ascii_equal(text, "Location") &&
	    strncmp(head->status, "200", 3) == 0) {
		report_log(REPORT_LOCATION,
		    "Location dropped from a response with status 200: Apache "
		    "would serve that URL instead");
		return NULL;
	}
	if (head->longest < strlen(text) + 2 + length)
		head->longest = strlen(text) + 2 + length;
	buffer_add_text(to, text);
	buffer_add_text(to, ": ");
	buffer_add(to, content, length);
	buffer_add_text(to, "\r\n");
	return NULL;
}

static int
read_header(struct buffer *to, struct head *head, PyObject *item)
{
	PyObject *name = NULL, *value = NULL;
	const char *rule = NULL;
	int result = -1;

	if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 2) {
		PyErr_Format(PyExc_TypeError,
		    "start_response: a header must be a tuple (name, value), "
		    "not %.200R",
		    item);
		return -1;
	}
	if ((name = encode_part(
		 PyTuple_GET_ITEM(item, 0), "a header name", item)) != NULL &&
	    (value = encode_part(
		 PyTuple_GET_ITEM(item, 1), "a header value", item)) != NULL) {
		rule = add_header(to, head, name, value);
		result = rule == NULL ? 0 : -1;
	}
	if (rule != NULL)
		PyErr_Format(PyExc_ValueError, "start_response: header %R: %s",
		    item, rule);
	Py_XDECREF(name);
	Py_XDECREF(value);
	return result;
}

static int
read_headers(PyObject *headers, struct head *head)
{
	struct buffer lines = { 0 };
	Py_ssize_t i;
	int result = 0;

	if (!PyList_Check(headers)) {
		PyErr_Format(PyExc_TypeError,
		    "start_response: the headers must be a list, not %.200s",
		    Py_TYPE(headers)->tp_name);
		return -1;
	}
	for (i = 0; result == 0 && i < PyList_GET_SIZE(headers); i++)
		result = read_header(&lines, head, PyList_GET_ITEM(headers, i));
	head->headers = buffer_take(&lines, NULL);
	if (head->headers == NULL && result == 0) {
		PyErr_NoMemory();
		result = -1;
	}
	return result;
}

void
head_free(struct head *head)
{
	free(head->status);
	free(head->headers);
	*head = (struct head){ .content_length = -1 };
}

int
head_read(struct head *head, PyObject *status, PyObject *headers)
{
	*head = (struct head){ .content_length = -1 };
	if (read_status(status, head) == 0 && read_headers(headers, head) == 0)
		return 0;
	head_free(head);
	return -1;
}
