/* What is hidden of a value, and what is not. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/secret.h"

static void
assert_hidden(const char *value, const char *expected)
{
	char *hidden = secret_hide(value);

	assert_non_null(hidden);
	assert_string_equal(hidden, expected);
	free(hidden);
}

static void
test_names(void **state)
{
	static const char *const secret[] = { "SECRET_KEY", "token", "Passwd",
		"DB_PASS", "MYSQL_PWD", "HTTP_COOKIE", "sessionid",
		"X-Auth-Request", "credentials", "X-Hub-Signature", "jwt",
		"csrfmiddleware", "sig", "X_SIG", "connect.sid", "userSid",
		"PHPSESSID", "sid2", "pin", "otpCode" };
	static const char *const open[] = { "", "PWD", "OLDPWD", "PATH_INFO",
		"QUERY_STRING", "HTTP_ACCEPT", "SERVER_NAME", "design", "side",
		"SIGNAL", "spinner", "assigned", "SERVER_SIGNATURE" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(secret) / sizeof(*secret); i++)
		assert_true(secret_is_named(secret[i], strlen(secret[i])));
	for (i = 0; i < sizeof(open) / sizeof(*open); i++)
		assert_false(secret_is_named(open[i], strlen(open[i])));
	assert_false(secret_is_named("token", 4));
}

static void
test_urls(void **state)
{
	(void)state;
	assert_hidden("postgres://me:pw@host/db", "postgres://me:****@host/db");
	assert_hidden("db://me:p/w@rd@host/db", "db://me:****@host/db");
	assert_hidden("redis://:pw@host", "redis://:****@host");
	assert_hidden("https://ghp_abc@host/a", "https://****@host/a");
	assert_hidden(
	    "db%3A%2F%2Fme%3Apw%40host", "db%3A%2F%2Fme%3A****%40host");
	assert_hidden(
	    "a db://b:c@d and db://e:f@g", "a db://b:****@d and db://e:****@g");
	/* As JSON may have it. */
	assert_hidden("{\"a\":\"db:\\/\\/me:pw@host\"}",
	    "{\"a\":\"db:\\/\\/me:****@host\"}");
	/* Nobody logs in there. */
	assert_hidden("http://host:80/~me", "http://host:80/~me");
	assert_hidden(
	    "http://auth.example:8080/a", "http://auth.example:8080/a");
	assert_hidden("http://[::1]:80/a", "http://[::1]:80/a");
	assert_hidden("http://host/a@b?c=d", "http://host/a@b?c=d");
	assert_hidden("me@host, a//b", "me@host, a//b");
}

static void
test_queries(void **state)
{
	(void)state;
	assert_hidden("a=1&Access_Token=x&b=2", "a=1&Access_Token=****&b=2");
	assert_hidden("password=a,b;c d&b=2", "password=****&b=2");
	assert_hidden("password=a&b", "password=****");
	assert_hidden("/a?token=x#b", "/a?token=****");
	assert_hidden("%74oken=x", "%74oken=****");
	assert_hidden(
	    "next=%2F%3Ftoken%3Dx&b=2", "next=%2F%3Ftoken%3D****&b=2");
	assert_hidden(
	    "next=%252F%253Ftoken%253Dx", "next=%252F%253Ftoken%253D****");
	assert_hidden("token=&b=2", "token=&b=2");
	assert_hidden("/authors?page=2", "/authors?page=2");
	assert_hidden("a=b=c&=&%=%3", "a=b=c&=&%=%3");
}

static void
test_headers(void **state)
{
	(void)state;
	assert_hidden("{\"a\": 1, \"password\": \"a\\\"b\"}",
	    "{\"a\": 1, \"password\":****");
	assert_hidden("Cookie: a=b; c=d", "Cookie:****");
	assert_hidden("Basic bWU6cHc=", "Basic ****");
	assert_hidden("digest username=me, response=x", "digest ****");
	assert_hidden("a syllabic word", "a syllabic word");
	assert_hidden("bytes: 0-99/200", "bytes: 0-99/200");
}

static void
test_added(void **state)
{
	(void)state;
	assert_int_equal(secret_add("PLAIN", "p@ss w\xc3\xb6rd"), 0);
	assert_int_equal(secret_add("LONGER", "p@ss w\xc3\xb6rds"), 0);
	assert_int_equal(secret_add("SHORT", "ab"), 0);
	assert_true(secret_is_named("PLAIN", 5));
	assert_hidden("x p@ss w\xc3\xb6rd y ab", "x **** y ab");
	assert_hidden("xp@ss w\xc3\xb6rdsy", "x****y");
	/* Neither in a URL nor in a form. */
	assert_hidden("/a?b=p%40ss%20w%C3%B6rd", "/a?b=****");
	assert_hidden("b=p%40ss+w%c3%b6rd&c=1", "b=****&c=1");
	assert_hidden(
	    "u=%2Fa%3Fb%3Dp%2540ss%2520w%25C3%25B6rd", "u=%2Fa%3Fb%3D****");
	assert_hidden("p@ss w%20", "p@ss w%20");
	/* "p@ss w\xc3\xb6rd" behind nothing, "a:" and "ab:", as base64 */
	assert_hidden("cEBzcyB3w7ZyZA==", "****A==");
	assert_hidden("YTpwQHNzIHfDtnJk", "YTp****");
	assert_hidden("YWI6cEBzcyB3w7ZyZA==", "YWI6****A==");
	/* In a word of its own */
	assert_int_equal(secret_add("BRIEF", "4'1"), 0);
	assert_hidden("is 4'1, not x4'1 or 4'12", "is ****, not x4'1 or 4'12");
	assert_hidden("'4\\'1'", "'****'");
	/* As where there was no memory for a value as base64. */
	assert_int_equal(secret_add("LOST", NULL), -1);
	assert_hidden("x p@ss w\xc3\xb6rd y ab", "x **** y ab");
}

static void
test_settings(void **state)
{
	(void)state;
	assert_hidden("Server=x;Uid=me;PWD=word;", "Server=x;Uid=me;PWD=****");
	assert_hidden("Bearer\tword", "Bearer\t****");
	assert_hidden("Basics are shown", "Basics are shown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
