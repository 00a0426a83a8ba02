/* From variables to environ, with a Python but without a process. */

#include <config.h>

#include "python/cpython.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/process.h"
#include "cgi/report.h"
#include "cgi/process.h"
#include "wsgi_env.h"
#include "wsgi/file_wrapper.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))
/* The environ of these variables, until the next one is made. */
#define MAKE(...) make((char *[]){ __VA_ARGS__, NULL })

static struct request request;
static PyObject *env;
static bool resumed; /* from an image */

bool
process_is_resumed(void)
{
	return resumed;
}

static void
make(char **environment)
{
	Py_CLEAR(env);
	free(request.variables);
	assert_int_equal(request_open(&request, environment), 0);
	assert_int_equal(wsgi_env_complete(&request), 0);
	env = wsgi_env_make(&request, Py_None);
	assert_non_null(env);
	assert_false(PyErr_Occurred());
}

static PyObject *
item(const char *name)
{
	PyObject *key = PyUnicode_DecodeLatin1(
		     name, (Py_ssize_t)strlen(name), NULL),
		 *found;

	assert_non_null(key);
	found = PyDict_GetItemWithError(env, key);
	Py_DECREF(key);
	assert_false(PyErr_Occurred());
	return found;
}

/* The value's bytes; NULL: there is none. */
static void
assert_item(const char *name, const char *expected)
{
	PyObject *found = item(name), *bytes;

	if (expected == NULL) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_true(PyUnicode_CheckExact(found));
	bytes = PyUnicode_AsLatin1String(found);
	assert_non_null(bytes);
	assert_int_equal(PyBytes_GET_SIZE(bytes), strlen(expected));
	assert_string_equal(PyBytes_AS_STRING(bytes), expected);
	Py_DECREF(bytes);
}

static void
test_dict(void **state)
{
	/* A3, B6: an exact dict, of exact str but for the wsgi keys. */
	PyObject *key, *value;
	Py_ssize_t place = 0;
	const char *name;

	(void)state;
	MAKE("REQUEST_METHOD=GET", "HTTP_X=1", "MY=2", "CONTENT_LENGTH=5");
	assert_true(PyDict_CheckExact(env));
	while (PyDict_Next(env, &place, &key, &value)) {
		assert_true(PyUnicode_CheckExact(key));
		name = PyUnicode_AsUTF8(key);
		assert_non_null(name);
		if (strncmp(name, "wsgi.", 5) != 0 &&
		    strcmp(name, "cgi2wsgi.preloaded") != 0)
			assert_true(PyUnicode_CheckExact(value));
	}
}

static void
test_every_byte(void **state)
{
	/* B6, B11: each byte of a value is one character, never decoded. */
	static const char *const names[] = { "PATH_INFO", "QUERY_STRING",
		"SCRIPT_NAME", "HTTP_X", "MY_SETENV", "REMOTE_USER",
		"SERVER_NAME", "SERVER_PROTOCOL", "REQUEST_METHOD",
		"CONTENT_TYPE" };
	char all[0x100], *variable;
	size_t i;
	int c;

	(void)state;
	for (c = 1; c < 0x100; c++)
		all[c - 1] = (char)c;
	all[0xff] = '\0';
	for (i = 0; i < COUNT(names); i++) {
		assert_true(asprintf(&variable, "%s=%s", names[i], all) > 0);
		MAKE(variable);
		assert_item(names[i], all);
		free(variable);
	}
}

static void
test_every_byte_of_a_name(void **state)
{
	/* B6, B14: names are text as well, identifiers or not. */
	char name[] = "HTTP_.X", variable[] = "HTTP_.X=v";
	int c;

	(void)state;
	for (c = 1; c < 0x100; c++) {
		if (c == '=')
			continue;
		name[5] = variable[5] = (char)c;
		MAKE(variable);
		assert_item(name, "v");
	}
	MAKE("HTTP_X!'~=1", "HTTP_X+PLUS=2", "HTTP_X=1=2", " =blank");
	assert_item("HTTP_X!'~", "1");
	assert_item("HTTP_X+PLUS", "2");
	assert_item("HTTP_X", "1=2");
	assert_item(" ", "blank");
}

static void
test_untouched(void **state)
{
	/* B11: nothing is decoded again, no segment is removed. */
	(void)state;
	MAKE("PATH_INFO=//a%2F/./../%zz/b+c;d", "QUERY_STRING=x=%20&y=+%2541",
	    "SCRIPT_NAME=/%41//");
	assert_item("PATH_INFO", "//a%2F/./../%zz/b+c;d");
	assert_item("QUERY_STRING", "x=%20&y=+%2541");
	assert_item("SCRIPT_NAME", "/%41//");
}

static void
test_defaults(void **state)
{
	/* B1, B2, B4: of nothing, what PEP 3333 requires. */
	(void)state;
	MAKE("PATH=/bin");
	assert_item("REQUEST_METHOD", "GET");
	assert_item("SCRIPT_NAME", "");
	assert_item("PATH_INFO", "");
	assert_item("QUERY_STRING", "");
	assert_item("SERVER_NAME", "localhost");
	assert_item("SERVER_PORT", "80");
	assert_item("SERVER_PROTOCOL", "HTTP/1.0");
	assert_item("CONTENT_LENGTH", NULL);
	assert_item("CONTENT_TYPE", NULL);
	MAKE("REQUEST_METHOD=", "SERVER_NAME=", "SERVER_PORT=",
	    "SERVER_PROTOCOL=", "HTTPS=on");
	assert_item("REQUEST_METHOD", "GET");
	assert_item("SERVER_NAME", "localhost");
	assert_item("SERVER_PORT", "443");
	assert_item("SERVER_PROTOCOL", "HTTP/1.0");
}

static void
test_given(void **state)
{
	/* B1, B4: what the server gave stays. */
	(void)state;
	MAKE("REQUEST_METHOD=brEW", "SERVER_NAME=example.org",
	    "SERVER_PORT=08080", "SERVER_PROTOCOL=HTTP/2.0");
	assert_item("REQUEST_METHOD", "brEW");
	assert_item("SERVER_NAME", "example.org");
	assert_item("SERVER_PORT", "08080");
	assert_item("SERVER_PROTOCOL", "HTTP/2.0");
	MAKE("SERVER_PROTOCOL=INCLUDED");
	assert_item("SERVER_PROTOCOL", "HTTP/1.0");
}

static void
test_port(void **state)
{
	/* B4: SERVER_PORT is digits. */
	static char *const wrong[] = { "SERVER_PORT=http", "SERVER_PORT=-1",
		"SERVER_PORT=80 ", "SERVER_PORT=+80", "SERVER_PORT=0x50",
		"SERVER_PORT=8\xb2" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(wrong); i++) {
		MAKE(wrong[i]);
		assert_item("SERVER_PORT", "80");
		MAKE("HTTPS=1", wrong[i]);
		assert_item("SERVER_PORT", "443");
	}
}

static void
test_server_name(void **state)
{
	/* B4: mini-httpd's host:port; an IPv6 address has colons itself. */
	static const struct {
		char *variable;
		const char *name;
	} cases[] = {
		{ "SERVER_NAME=h:8080", "h" },
		{ "SERVER_NAME=h:80", "h:80" },
		{ "SERVER_NAME=h:", "h:" },
		{ "SERVER_NAME=::1:8080", "::1:8080" },
		{ "SERVER_NAME=[::1]", "[::1]" },
		{ "SERVER_NAME=::8080", "::8080" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		MAKE(cases[i].variable, "SERVER_PORT=8080");
		assert_item("SERVER_NAME", cases[i].name);
	}
	MAKE("SERVER_NAME=h:80");
	assert_item("SERVER_NAME", "h");
}

static void
test_server_name_without_host(void **state)
{
	/* B4: SERVER_NAME is never empty, whatever Host was. */
	(void)state;
	MAKE("SERVER_NAME=:8080", "SERVER_PORT=8080");
	assert_item("SERVER_NAME", "localhost");
}

static void
test_empty(void **state)
{
	/* B3, B5: no type, no length; but empty headers are headers. */
	(void)state;
	MAKE("CONTENT_TYPE=", "CONTENT_LENGTH=", "HTTP_COOKIE=", "REMOTE_USER=",
	    "MY_SETENV=");
	assert_item("CONTENT_TYPE", NULL);
	assert_item("CONTENT_LENGTH", NULL);
	assert_item("HTTP_COOKIE", "");
	assert_item("REMOTE_USER", "");
	assert_item("MY_SETENV", "");
	assert_item("HTTP_HOST", NULL);
	MAKE("CONTENT_TYPE=text/plain", "CONTENT_LENGTH=0");
	assert_item("CONTENT_TYPE", "text/plain");
	assert_item("CONTENT_LENGTH", "0");
	MAKE("CONTENT_LENGTH=-1", "SERVER_SOFTWARE=Caddy/v2.6.2");
	assert_item("CONTENT_LENGTH", NULL);
}

static void
test_scheme(void **state)
{
	/* B7: HTTPS decides; REQUEST_SCHEME where there is none. */
	static char *const secure[] = { "HTTPS=on", "HTTPS=ON", "HTTPS=1",
		"HTTPS=yes", "HTTPS=True", "REQUEST_SCHEME=https",
		"REQUEST_SCHEME=HTTPS" };
	static char *const plain[] = { "HTTPS=off", "HTTPS=0",
		"HTTPS=", "HTTPS=no", "HTTPS=onward", "REQUEST_SCHEME=http",
		"REQUEST_SCHEME=", "REQUEST_SCHEME=httpss", "SERVER_PORT=443",
		"HTTP_X_FORWARDED_PROTO=https", "HTTP_HTTPS=on",
		"HTTP_X_FORWARDED_SSL=on", "HTTP_FORWARDED=proto=https" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(secure); i++) {
		MAKE(secure[i]);
		assert_item("wsgi.url_scheme", "https");
	}
	for (i = 0; i < COUNT(plain); i++) {
		MAKE(plain[i]);
		assert_item("wsgi.url_scheme", "http");
	}
	MAKE("HTTPS=off", "REQUEST_SCHEME=https");
	assert_item("wsgi.url_scheme", "http");
}

static void
test_wsgi(void **state)
{
	/* B7, B8, C7: the PEP's own keys, and the input as it was given. */
	PyObject *version, *type;

	(void)state;
	MAKE("PATH=/bin");
	version = Py_BuildValue("(ii)", 1, 0);
	assert_int_equal(
	    PyObject_RichCompareBool(item("wsgi.version"), version, Py_EQ), 1);
	Py_DECREF(version);
	assert_ptr_equal(item("wsgi.input"), Py_None);
	assert_ptr_equal(item("wsgi.errors"), PySys_GetObject("stderr"));
	assert_ptr_equal(item("wsgi.multithread"), Py_False);
	assert_ptr_equal(item("wsgi.multiprocess"), Py_True);
	assert_ptr_equal(item("wsgi.run_once"), Py_True);
	assert_ptr_equal(item("cgi2wsgi.preloaded"), Py_False);
	resumed = true;
	MAKE("REQUEST_METHOD=GET");
	assert_ptr_equal(item("cgi2wsgi.preloaded"), Py_True);
	resumed = false;
	assert_ptr_equal(item("wsgi.input_terminated"), Py_True);
	type = file_wrapper_type();
	assert_ptr_equal(item("wsgi.file_wrapper"), type);
	Py_DECREF(type);
}

static void
test_own_keys(void **state)
{
	/* B9: and the server cannot take their place. */
	(void)state;
	MAKE("cgi2wsgi.version=mine", "cgi2wsgi.request_id=mine",
	    "wsgi.url_scheme=mine", "wsgi.input=mine");
	assert_item("cgi2wsgi.version", VERSION);
	assert_item("cgi2wsgi.request_id", report_id());
	assert_item("wsgi.url_scheme", "http");
	assert_ptr_equal(item("wsgi.input"), Py_None);
}

static void
test_deployer(void **state)
{
	/* B10: SetEnv arrives. */
	(void)state;
	MAKE("MY_SETENV=x y", "my.setting=1", "PATH=/bin");
	assert_item("MY_SETENV", "x y");
	assert_item("my.setting", "1");
	assert_item("PATH", "/bin");
}

static void
test_dropped(void **state)
{
	/* B12, B14: what a client can only send to deceive. */
	(void)state;
	MAKE("HTTP_PROXY=evil", "HTTP_CONTENT_LENGTH=5",
	    "HTTP_CONTENT_TYPE=evil", "HTTP_PROXY_X=1", "HTTP_PROX=2",
	    "HTTP_CONTENT_TYPE_OPTIONS=3");
	assert_item("HTTP_PROXY", NULL);
	assert_item("HTTP_CONTENT_LENGTH", NULL);
	assert_item("HTTP_CONTENT_TYPE", NULL);
	assert_item("CONTENT_LENGTH", NULL);
	assert_item("CONTENT_TYPE", NULL);
	assert_item("HTTP_PROXY_X", "1");
	assert_item("HTTP_PROX", "2");
	assert_item("HTTP_CONTENT_TYPE_OPTIONS", "3");
}

static void
test_duplicate_headers(void **state)
{
	/* B14: joined in their order. */
	(void)state;
	MAKE("HTTP_X=1", "HTTP_COOKIE=a=1", "HTTP_X=2\xff", "HTTP_COOKIE=b=2",
	    "HTTP_X=", "HTTP_COOKIE=c=3", "HTTP_X_COOKIE=a", "HTTP_X_COOKIE=b");
	assert_item("HTTP_X", "1, 2\xff, ");
	assert_item("HTTP_COOKIE", "a=1; b=2; c=3");
	assert_item("HTTP_X_COOKIE", "a, b");
}

static void
test_duplicate_variables(void **state)
{
	/* B14: the last of the request's, the first of any other. */
	(void)state;
	MAKE("SCRIPT_NAME=/1", "MY=1", "REMOTE_USER=1", "SCRIPT_NAME=/2",
	    "MY=2", "REMOTE_USER=2", "HTTPS=on", "HTTPS=off",
	    "CONTENT_TYPE=", "CONTENT_TYPE=text/plain", "REDIRECT_X=1",
	    "REDIRECT_X=2", "PATH_INFO=/x", "PATH_INFO=");
	assert_item("SCRIPT_NAME", "/2");
	assert_item("MY", "1");
	assert_item("REMOTE_USER", "2");
	assert_item("wsgi.url_scheme", "http");
	assert_item("CONTENT_TYPE", "text/plain");
	assert_item("REDIRECT_X", "2");
	assert_item("PATH_INFO", "");
}

static void
test_redirected(void **state)
{
	/* B15: where Apache renamed it. */
	(void)state;
	MAKE("REDIRECT_HTTP_AUTHORIZATION=Basic eA==", "REDIRECT_REMOTE_USER=u",
	    "REDIRECT_AUTH_TYPE=Basic");
	assert_item("HTTP_AUTHORIZATION", "Basic eA==");
	assert_item("REMOTE_USER", "u");
	assert_item("AUTH_TYPE", "Basic");
	assert_item("REDIRECT_REMOTE_USER", "u");
	MAKE("REDIRECT_REDIRECT_HTTP_AUTHORIZATION=twice",
	    "REDIRECT_HTTP_AUTHORIZATION=");
	assert_item("HTTP_AUTHORIZATION", "twice");
	MAKE("REDIRECT_REDIRECT_REMOTE_USER=far", "REDIRECT_REMOTE_USER=near");
	assert_item("REMOTE_USER", "near");
}

static void
test_not_redirected(void **state)
{
	/* B15: never an override, never an empty one, never the client's. */
	(void)state;
	MAKE("REDIRECT_HTTP_AUTHORIZATION=old", "HTTP_AUTHORIZATION=new",
	    "REDIRECT_REMOTE_USER=old", "REMOTE_USER=");
	assert_item("HTTP_AUTHORIZATION", "new");
	assert_item("REMOTE_USER", "");
	MAKE("REDIRECT_HTTP_AUTHORIZATION=", "HTTP_REDIRECT_REMOTE_USER=evil",
	    "REDIRECT_HTTP_PROXY=evil");
	assert_item("HTTP_AUTHORIZATION", NULL);
	assert_item("REMOTE_USER", NULL);
	assert_item("HTTP_PROXY", NULL);
}

static void
test_withdrawn(void **state)
{
	/* B16: what was withdrawn is not there. */
	(void)state;
	MAKE("REDIRECT_URL=/a", "SCRIPT_NAME=/a");
	assert_int_equal(request_set(&request, "REDIRECT_URL", NULL), 0);
	assert_int_equal(request_set(&request, "SCRIPT_NAME", "/b"), 0);
	Py_CLEAR(env);
	env = wsgi_env_make(&request, Py_None);
	assert_non_null(env);
	assert_item("REDIRECT_URL", NULL);
	assert_item("SCRIPT_NAME", "/b");
}

static void
test_large(void **state)
{
	/* I5: a header of a megabyte. */
	enum { SIZE = 1 << 20 };
	static const char name[] = "HTTP_X=";
	char *variable = malloc(sizeof(name) + SIZE);

	(void)state;
	assert_non_null(variable);
	memcpy(variable, name, sizeof(name));
	memset(variable + sizeof(name) - 1, '\xff', SIZE);
	variable[sizeof(name) - 1 + SIZE] = '\0';
	MAKE(variable);
	assert_int_equal(PyUnicode_GetLength(item("HTTP_X")), SIZE);
	MAKE("PATH=/bin");
	free(variable);
}

static int
start_python(void **state)
{
	PyConfig config;
	PyStatus status;

	(void)state;
	PyConfig_InitIsolatedConfig(&config);
	config.site_import = 0;
	status = Py_InitializeFromConfig(&config);
	PyConfig_Clear(&config);
	return PyStatus_Exception(status) ? -1 : 0;
}

static int
stop_python(void **state)
{
	(void)state;
	Py_CLEAR(env);
	return Py_FinalizeEx();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dict),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_every_byte_of_a_name),
		cmocka_unit_test(test_untouched),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_port),
		cmocka_unit_test(test_server_name),
		cmocka_unit_test(test_server_name_without_host),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_scheme),
		cmocka_unit_test(test_wsgi),
		cmocka_unit_test(test_own_keys),
		cmocka_unit_test(test_deployer),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_duplicate_headers),
		cmocka_unit_test(test_duplicate_variables),
		cmocka_unit_test(test_redirected),
		cmocka_unit_test(test_not_redirected),
		cmocka_unit_test(test_withdrawn),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, start_python, stop_python);
}
