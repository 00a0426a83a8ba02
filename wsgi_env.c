/* Names and values become str, byte by byte (PEP 3333 "Unicode Issues"). */

#include <config.h>

#include <stdbool.h>
#include <string.h>

#include "cgi/ascii.h"
#include "cgi/process.h"
#include "cgi/report.h"
#include "wsgi_env.h"
#include "wsgi/file_wrapper.h"

/*
 * A client can send the headers Proxy, Content_Length and Content_Type, and
 * libraries take these for settings of the host or of the server (httpoxy).
 */
static const char *const distrusted[] = { "HTTP_PROXY", "HTTP_CONTENT_LENGTH",
	"HTTP_CONTENT_TYPE" };

/* What Apache renames on each internal redirect. */
static const char *const redirected[][3] = {
	{ "HTTP_AUTHORIZATION", "REDIRECT_HTTP_AUTHORIZATION",
	    "REDIRECT_REDIRECT_HTTP_AUTHORIZATION" },
	{ "REMOTE_USER", "REDIRECT_REMOTE_USER",
	    "REDIRECT_REDIRECT_REMOTE_USER" },
	{ "AUTH_TYPE", "REDIRECT_AUTH_TYPE", "REDIRECT_REDIRECT_AUTH_TYPE" },
};

int
wsgi_env_complete(struct request *request)
{
	const char *found;
	size_t i, j;

	for (i = 0; i < sizeof(redirected) / sizeof(*redirected); i++)
		for (j = 1; j < sizeof(*redirected) / sizeof(**redirected) &&
		     request_value(request, redirected[i][0]) == NULL;
		     j++) {
			found = request_value(request, redirected[i][j]);
			if (found != NULL && *found != '\0' &&
			    request_set(request, redirected[i][0], found) == -1)
				return -1;
		}
	return 0;
}

/* Empty means absent; Caddy's -1 means unknown. The last of several counts. */
static bool
is_dropped(const struct request *request, const struct variable *variable)
{
	const char *last;
	size_t i;

	for (i = 0; i < sizeof(distrusted) / sizeof(*distrusted); i++)
		if (request_is_named(variable, distrusted[i]))
			return true;
	if (!request_is_named(variable, "CONTENT_TYPE") &&
	    !request_is_named(variable, "CONTENT_LENGTH"))
		return false;
	last = request_value(request,
	    request_is_named(variable, "CONTENT_TYPE") ? "CONTENT_TYPE"
						       : "CONTENT_LENGTH");
	return *last == '\0' || strcmp(last, "-1") == 0;
}

static PyObject *
decode_latin1(const char *text, size_t length)
{
	return PyUnicode_DecodeLatin1(text, (Py_ssize_t)length, NULL);
}

/*
 * Of names given twice, see conformance B14: a request has one Host, which
 * nginx recipes set a second time.
 */
static int
add_variable(PyObject *env, const struct variable *variable)
{
	PyObject *name, *value, *present, *joined;
	bool is_host = request_is_named(variable, "HTTP_HOST");
	int result = -1;

	name = decode_latin1(variable->name, variable->length);
	value = decode_latin1(variable->value, strlen(variable->value));
	if (name == NULL || value == NULL)
		goto done;
	present = PyDict_GetItemWithError(env, name);
	if (present == NULL && PyErr_Occurred())
		goto done;
	if (present != NULL && !is_host && variable->length > 5 &&
	    memcmp(variable->name, "HTTP_", 5) == 0) {
		/* RFC 9110 5.3, RFC 6265 5.4 */
		joined = PyUnicode_FromFormat("%U%s%U", present,
		    request_is_named(variable, "HTTP_COOKIE") ? "; " : ", ",
		    value);
		if (joined == NULL)
			goto done;
		Py_SETREF(value, joined);
	} else if (present != NULL && !is_host &&
	    !request_is_meta(variable->name, variable->length)) {
		result = 0;
		goto done;
	}
	result = PyDict_SetItem(env, name, value);
done:
	Py_XDECREF(name);
	Py_XDECREF(value);
	return result;
}

/* Consumes value, which may be NULL with an exception set. */
static int
put_value(PyObject *env, const char *name, PyObject *value)
{
	int result = value == NULL ? -1
				   : PyDict_SetItemString(env, name, value);

	Py_XDECREF(value);
	return result;
}

static int
put_string(PyObject *env, const char *name, const char *text)
{
	return put_value(env, name, decode_latin1(text, strlen(text)));
}

static bool
is_secure(const struct request *request)
{
	static const char *const yes[] = { "on", "1", "yes", "true" };
	const char *https = request_value(request, "HTTPS"),
		   *scheme = request_value(request, "REQUEST_SCHEME");
	size_t i;

	if (https == NULL)
		return scheme != NULL && ascii_equal(scheme, "https");
	for (i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		if (ascii_equal(https, yes[i]))
			return true;
	return false;
}

/* mini-httpd sets host:port. */
static int
put_server_name(PyObject *env, const struct request *request, const char *port)
{
	const char *name = request_text(request, "SERVER_NAME", "localhost"),
		   *colon = strrchr(name, ':');
	size_t length = strlen(name);

	if (colon != NULL && colon == strchr(name, ':') &&
	    strcmp(colon + 1, port) == 0)
		length = (size_t)(colon - name);
	return length == 0
	    ? put_string(env, "SERVER_NAME", "localhost")
	    : put_value(env, "SERVER_NAME", decode_latin1(name, length));
}

/* What PEP 3333 wants to be present, and not empty where it says so. */
static int
put_required(PyObject *env, const struct request *request)
{
	static const char *const maybe_empty[] = { "SCRIPT_NAME", "PATH_INFO",
		"QUERY_STRING" };
	const char *port, *protocol, *default_port;
	size_t i;

	for (i = 0; i < sizeof(maybe_empty) / sizeof(*maybe_empty); i++)
		if (put_string(env, maybe_empty[i],
			request_text(request, maybe_empty[i], "")) == -1)
			return -1;
	default_port = is_secure(request) ? "443" : "80";
	port = request_text(request, "SERVER_PORT", default_port);
	if (port[strspn(port, "0123456789")] != '\0')
		port = default_port;
	protocol = request_text(request, "SERVER_PROTOCOL", "HTTP/1.0");
	if (strcmp(protocol, "INCLUDED") == 0)
		protocol = "HTTP/1.0";
	if (put_server_name(env, request, port) == -1 ||
	    put_string(env, "SERVER_PORT", port) == -1 ||
	    put_string(env, "SERVER_PROTOCOL", protocol) == -1)
		return -1;
	return put_string(env, "REQUEST_METHOD",
	    request_text(request, "REQUEST_METHOD", "GET"));
}

/* PEP 3333 "environ Variables" */
static int
put_wsgi(PyObject *env, bool secure, PyObject *input)
{
	PyObject *errors = PySys_GetObject("stderr");

	if (errors == NULL)
		errors = Py_None;
	if (put_value(env, "wsgi.version", Py_BuildValue("(ii)", 1, 0)) == -1 ||
	    put_string(env, "wsgi.url_scheme", secure ? "https" : "http") ==
		-1 ||
	    put_value(env, "wsgi.input", Py_NewRef(input)) == -1 ||
	    put_value(env, "wsgi.errors", Py_NewRef(errors)) == -1 ||
	    put_value(env, "wsgi.multithread", PyBool_FromLong(0)) == -1 ||
	    put_value(env, "wsgi.multiprocess", PyBool_FromLong(1)) == -1 ||
	    put_value(env, "wsgi.run_once", PyBool_FromLong(1)) == -1 ||
	    put_value(env, "wsgi.input_terminated", PyBool_FromLong(1)) == -1 ||
	    put_value(env, "wsgi.file_wrapper", file_wrapper_type()) == -1 ||
	    put_value(env, "cgi2wsgi.preloaded",
		PyBool_FromLong(process_is_resumed())) == -1 ||
	    put_string(env, "cgi2wsgi.version", VERSION) == -1)
		return -1;
	return put_string(env, "cgi2wsgi.request_id", report_id());
}

PyObject *
wsgi_env_make(const struct request *request, PyObject *input)
{
	PyObject *env = PyDict_New();
	size_t i;

	for (i = 0; env != NULL && i < request->count; i++)
		if (request->variables[i].value != NULL &&
		    !is_dropped(request, &request->variables[i]) &&
		    add_variable(env, &request->variables[i]) == -1)
			Py_CLEAR(env);
	if (env == NULL || put_required(env, request) == -1 ||
	    put_wsgi(env, is_secure(request), input) == -1) {
		Py_XDECREF(env);
		return NULL;
	}
	return env;
}
