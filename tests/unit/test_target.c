/* A URL in its parts. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "assertions.h"
#include "fake_report.h"
#include "cgi/report.h"
#include "terminal/target.h"

static struct target got;

static int
start(const char *url)
{
	fake_report_reset();
	target_free(&got);
	return target_read(&got, url);
}

static void
test_parts(void **state)
{
	/* H4: RFC 3986 3, as curl sends it. */
	static const struct {
		const char *url, *authority, *login, *path, *query;
		int secure;
	} cases[] = {
		{ "/", "localhost", NULL, "/", NULL, 0 },
		{ "?", "localhost", NULL, "/", "", 0 },
		{ "/a%20b?c?d#e?f", "localhost", NULL, "/a%20b", "c?d", 0 },
		{ "/a#b?c", "localhost", NULL, "/a", NULL, 0 },
		{ "http://h", "h", NULL, "/", NULL, 0 },
		{ "http://h#f", "h", NULL, "/", NULL, 0 },
		{ "hTTp://h?q", "h", NULL, "/", "q", 0 },
		{ "https://h:443/", "h", NULL, "/", NULL, 1 },
		{ "https://h:80/", "h:80", NULL, "/", NULL, 1 },
		{ "http://h:0080", "h", NULL, "/", NULL, 0 },
		{ "http://h:", "h", NULL, "/", NULL, 0 },
		{ "http://[::1]", "[::1]", NULL, "/", NULL, 0 },
		{ "http://[::1]:80/", "[::1]", NULL, "/", NULL, 0 },
		{ "http://u@h/a@b", "h", "u:", "/a@b", NULL, 0 },
		{ "http://u:p@h", "h", "u:p", "/", NULL, 0 },
		{ "http://@h", "h", ":", "/", NULL, 0 },
		{ "http://u%40x:%2f@h", "h", "u@x:/", "/", NULL, 0 },
		{ "/a/./b/../c", "localhost", NULL, "/a/c", NULL, 0 },
		{ "/../..", "localhost", NULL, "/", NULL, 0 },
		{ "/a//b", "localhost", NULL, "/a//b", NULL, 0 },
		{ "/.a/...", "localhost", NULL, "/.a/...", NULL, 0 },
		{ "/...//x", "localhost", NULL, "/...//x", NULL, 0 },
		{ "/?/../x", "localhost", NULL, "/", "/../x", 0 },
		{ "/\xe9?\xe9", "localhost", NULL, "/%e9", "\xe9", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(start(cases[i].url), 0);
		assert_same(got.authority, cases[i].authority);
		assert_same(got.login, cases[i].login);
		assert_same(got.path, cases[i].path);
		assert_same(got.query, cases[i].query);
		assert_int_equal(got.secure, cases[i].secure);
	}
}

static void
test_wrong(void **state)
{
	/* H4: what is none. */
	static const char *const urls[] = { "", "x", "h/p", "ftp://h/",
		"http:", "http:/h", "http://", "http:///", "http://?q",
		"http://u@", "http://:80", "http://h:x", "http://h:65536",
		"http://h:-1", "http://h:123456", "/a b", "/a\tb", "/\x7f",
		"/a?b c", "/a\n" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		assert_int_equal(start(urls[i]), -1);
		assert_int_equal(fake_report_code(), REPORT_USAGE);
	}
}

static void
test_port(void **state)
{
	/* H4: the port in a Host header. */
	size_t length;

	(void)state;
	assert_string_equal(target_port("h:80", &length), "80");
	assert_int_equal(length, 1);
	assert_null(target_port("host", &length));
	assert_int_equal(length, 4);
	assert_null(target_port("[::1]", &length));
	assert_int_equal(length, 5);
	assert_string_equal(target_port("[::1]:8", &length), "8");
	assert_int_equal(length, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_port),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	target_free(&got);
	return failed;
}
