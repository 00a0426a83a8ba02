/* The request's variables, apart from those of the process. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/request.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))
/* Takes an environment of literals. */
#define TAKE(request, ...) \
	assert_int_equal( \
	    request_open((request), (char *[]){ __VA_ARGS__, NULL }), 0)

static bool
is_meta(const char *name)
{
	return request_is_meta(name, strlen(name));
}

static void
test_take(void **state)
{
	/* B13, B10: meta-variables leave, everything is recorded in order. */
	static const char *const names[] = { "PATH", "HTTP_HOST", "MY_SETENV",
		"PATH_INFO", "EMPTY" };
	char *environment[] = { "PATH=/bin", "HTTP_HOST=h", "MY_SETENV=x=y",
		"PATH_INFO=/a", "EMPTY=", NULL };
	struct request request;
	size_t i;

	(void)state;
	assert_int_equal(request_open(&request, environment), 0);
	assert_string_equal(environment[0], "PATH=/bin");
	assert_string_equal(environment[1], "MY_SETENV=x=y");
	assert_string_equal(environment[2], "EMPTY=");
	assert_null(environment[3]);
	assert_int_equal(request.count, COUNT(names));
	for (i = 0; i < COUNT(names); i++) {
		assert_int_equal(request.variables[i].length, strlen(names[i]));
		assert_memory_equal(
		    request.variables[i].name, names[i], strlen(names[i]));
	}
	assert_string_equal(request_value(&request, "MY_SETENV"), "x=y");
	assert_string_equal(request_value(&request, "EMPTY"), "");
	free(request.variables);
}

static void
test_take_nothing(void **state)
{
	/* B13: an empty environment, and entries that are no variables. */
	char *empty[] = { NULL }, *odd[] = { "", "NOTHING", "=x", NULL };
	struct request request;

	(void)state;
	assert_int_equal(request_open(&request, empty), 0);
	assert_int_equal(request.count, 0);
	assert_null(request_value(&request, "PATH"));
	assert_int_equal(request_open(&request, odd), 0);
	assert_int_equal(request.count, 0);
	assert_null(request_value(&request, ""));
	assert_null(request_value(&request, "NOTHING"));
}

static void
test_take_httpoxy(void **state)
{
	/* B12, B13: also one that a client made up, in every spelling. */
	char *environment[] = { "HTTP_PROXY=evil", "http_proxy=mine",
		"HTTP_X.DOT=1", "HTTP_=", "HTTP_X=1=2", "HTTPS_PROXY=mine",
		NULL };
	struct request request;

	(void)state;
	assert_int_equal(request_open(&request, environment), 0);
	assert_string_equal(environment[0], "http_proxy=mine");
	assert_string_equal(environment[1], "HTTPS_PROXY=mine");
	assert_null(environment[2]);
	assert_string_equal(request_value(&request, "HTTP_X.DOT"), "1");
	free(request.variables);
}

static void
test_take_many(void **state)
{
	/* I5: as many as there are. */
	enum { MANY = 5000 };
	char **environment = calloc(MANY + 1, sizeof(*environment));
	struct request request;
	char name[32], value[32];
	int i;

	(void)state;
	assert_non_null(environment);
	for (i = 0; i < MANY; i++)
		assert_true(
		    asprintf(&environment[i],
			i % 2 ? "HTTP_X%d=%d" : "MY_X%d=%d", i, -i) > 0);
	assert_int_equal(request_open(&request, environment), 0);
	assert_int_equal(request.count, MANY);
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), i % 2 ? "HTTP_X%d" : "MY_X%d", i);
		snprintf(value, sizeof(value), "%d", -i);
		assert_string_equal(request_value(&request, name), value);
	}
	for (i = 0; i < MANY / 2; i++)
		assert_memory_equal(environment[i], "MY_X", 4);
	assert_null(environment[MANY / 2]);
	for (i = 0; i < MANY; i++)
		free((void *)(uintptr_t)request.variables[i].name);
	free(request.variables);
	free(environment);
}

static void
test_last_wins(void **state)
{
	/* B14: nginx recipes set a variable a second time. */
	struct request request;

	(void)state;
	TAKE(&request, "SCRIPT_NAME=/cgi-bin/app.cgi", "PATH_INFO=/a",
	    "SCRIPT_NAME=/split/cgi-bin/app.cgi", "PATH_INFO=");
	assert_string_equal(
	    request_value(&request, "SCRIPT_NAME"), "/split/cgi-bin/app.cgi");
	assert_string_equal(request_value(&request, "PATH_INFO"), "");
	assert_int_equal(request.count, 4);
	free(request.variables);
}

static void
test_whole_names(void **state)
{
	/* B11: a name is neither the beginning nor the rest of another. */
	struct request request;

	(void)state;
	TAKE(&request, "PATH_INFO=/a", "PATH=/bin", "REDIRECT_PATH_INFO=/r");
	assert_string_equal(request_value(&request, "PATH"), "/bin");
	assert_string_equal(request_value(&request, "PATH_INFO"), "/a");
	assert_null(request_value(&request, "PATH_"));
	assert_null(request_value(&request, "path"));
	assert_null(request_value(&request, "PATH_INFO="));
	free(request.variables);
}

static void
test_set(void **state)
{
	/* B16: a new value replaces all of the old. */
	struct request request;

	(void)state;
	TAKE(&request, "SCRIPT_NAME=/1", "A=a", "SCRIPT_NAME=/2");
	assert_int_equal(request_set(&request, "SCRIPT_NAME", "/3"), 0);
	assert_string_equal(request_value(&request, "SCRIPT_NAME"), "/3");
	assert_null(request.variables[0].value);
	assert_null(request.variables[2].value);
	assert_int_equal(request_set(&request, "NEW", ""), 0);
	assert_string_equal(request_value(&request, "NEW"), "");
	assert_string_equal(request_value(&request, "A"), "a");
	free(request.variables);
}

static void
test_withdraw(void **state)
{
	/* B16: NULL takes a variable away, and it may come back. */
	struct request request;

	(void)state;
	TAKE(&request, "REDIRECT_URL=/1", "REDIRECT_URL=/2", "A=a");
	assert_int_equal(request_set(&request, "REDIRECT_URL", NULL), 0);
	assert_null(request_value(&request, "REDIRECT_URL"));
	assert_int_equal(request_set(&request, "ABSENT", NULL), 0);
	assert_null(request_value(&request, "ABSENT"));
	assert_int_equal(request.count, 3);
	assert_int_equal(request_set(&request, "REDIRECT_URL", "/3"), 0);
	assert_string_equal(request_value(&request, "REDIRECT_URL"), "/3");
	free(request.variables);
}

static void
test_set_grows(void **state)
{
	/* B16: also where the list is full. */
	struct request request;
	char names[300][16];
	int i;

	(void)state;
	TAKE(&request, "A=a");
	for (i = 0; i < 300; i++) {
		snprintf(names[i], sizeof(names[i]), "N%d", i);
		assert_int_equal(request_set(&request, names[i], names[i]), 0);
	}
	for (i = 0; i < 300; i++)
		assert_string_equal(
		    request_value(&request, names[i]), names[i]);
	assert_string_equal(request_value(&request, "A"), "a");
	free(request.variables);
}

static void
test_meta(void **state)
{
	/* B13: RFC 3875 4.1, and what the servers add. */
	static const char *const names[] = { "AUTH_TYPE", "CONTENT_LENGTH",
		"CONTENT_TYPE", "GATEWAY_INTERFACE", "PATH_INFO",
		"PATH_TRANSLATED", "QUERY_STRING", "REMOTE_ADDR", "REMOTE_HOST",
		"REMOTE_IDENT", "REMOTE_USER", "REQUEST_METHOD", "SCRIPT_NAME",
		"SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL",
		"SERVER_SOFTWARE", "HTTP_HOST", "HTTP_PROXY", "HTTP_X.DOT",
		"HTTP_", "DOCUMENT_ROOT", "HTTPS", "REMOTE_PORT", "REQUEST_URI",
		"REQUEST_SCHEME", "SCRIPT_FILENAME", "SCRIPT_URL", "SCRIPT_URI",
		"SERVER_ADDR", "UNIQUE_ID", "REDIRECT_STATUS", "REDIRECT_URL",
		"REDIRECT_REDIRECT_REMOTE_USER", "SSL_CLIENT_S_DN",
		"SSL_CLIENT_CERT" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(names); i++)
		assert_true(is_meta(names[i]));
}

static void
test_not_meta(void **state)
{
	/* B10, B13: the deployer's and the host's stay where they are. */
	static const char *const names[] = { "PATH", "HOME", "LANG", "TZ",
		"MY_SETENV", "DJANGO_SETTINGS_MODULE", "CGI2WSGI_ARGS",
		"SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "https_proxy",
		"HTTPS_PROXY", "HTTP", "SSL", "REDIRECT", "PATH_INFO2",
		"XPATH_INFO", "PATH_INF", "path_info", "LD_LIBRARY_PATH",
		"PYTHONPATH", "" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(names); i++)
		assert_false(is_meta(names[i]));
	assert_true(request_is_meta("HTTPS_PROXY", strlen("HTTPS")));
	assert_true(
	    request_is_meta("SSL_CERT_FILENAME", strlen("SSL_CERT_FILENAME")));
}

static void
test_is_cgi(void **state)
{
	/* H4: one of three variables, even empty; h2o sets no gateway. */
	static char *const cgi[] = { "REQUEST_METHOD=GET",
		"GATEWAY_INTERFACE=CGI/1.1", "SERVER_PROTOCOL=HTTP/1.1",
		"REQUEST_METHOD=" };
	static char *const other[] = { "PATH_INFO=/", "HTTP_HOST=h",
		"HTTP_REQUEST_METHOD=GET", "QUERY_STRING=", "SCRIPT_NAME=/a",
		"REDIRECT_REQUEST_METHOD=GET", "SERVER_SOFTWARE=x" };
	struct request request;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cgi); i++) {
		TAKE(&request, "PATH=/bin", cgi[i]);
		assert_non_null(request_find_sign(&request));
		free(request.variables);
	}
	for (i = 0; i < COUNT(other); i++) {
		TAKE(&request, "PATH=/bin", other[i]);
		assert_null(request_find_sign(&request));
		free(request.variables);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_take_nothing),
		cmocka_unit_test(test_take_httpoxy),
		cmocka_unit_test(test_take_many),
		cmocka_unit_test(test_last_wins),
		cmocka_unit_test(test_whole_names),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_withdraw),
		cmocka_unit_test(test_set_grows),
		cmocka_unit_test(test_meta),
		cmocka_unit_test(test_not_meta),
		cmocka_unit_test(test_is_cgi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
