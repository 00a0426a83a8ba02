/* The grammar of a response's head. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/header.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))
/* A literal with its length, which may have a NUL inside. */
#define TEXT(literal) (literal), sizeof(literal) - 1

typedef const char *check(const char *, size_t);

/* Checks a copy with nothing behind it, for sanitizers to guard. */
static const char *
checked(check *unit, const char *text, size_t length)
{
	char *copy = malloc(length > 0 ? length : 1);
	const char *rule;

	assert_non_null(copy);
	memcpy(copy, text, length);
	rule = unit(copy, length);
	free(copy);
	return rule;
}

static void
test_status_allowed(void **state)
{
	/* E1: three digits, a space and a reason, which may be missing. */
	static const char *const allowed[] = { "200 OK", "100 Continue",
		"999 Z", "404 Not Found", "200", "200 ", "200  two",
		"500 caf\xe9", "299 \x80\xff" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(allowed); i++)
		assert_null(checked(
		    header_check_status, allowed[i], strlen(allowed[i])));
}

static void
test_status_refused(void **state)
{
	/* E1: everything else. */
	static const char *const refused[] = { "", "2", "20", "OK", "099 Low",
		"000 Zero", "2000 OK", "200OK", "200-OK", " 200 OK", "2 0 OK",
		"20x OK", "x00 OK", "+20 OK", "-12 OK", "\26200 OK" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(refused); i++)
		assert_non_null(checked(
		    header_check_status, refused[i], strlen(refused[i])));
}

static void
test_status_control(void **state)
{
	/* E1: no control character, HT and DEL included, at any place. */
	char status[] = "200 OK..";
	int c;

	(void)state;
	for (c = 0; c < 0x100; c++) {
		status[6] = (char)c;
		if (c < 0x20 || c == 0x7f)
			assert_non_null(
			    checked(header_check_status, status, 8));
		else
			assert_null(checked(header_check_status, status, 8));
	}
	assert_non_null(checked(header_check_status, TEXT("200 OK\r\n")));
	assert_non_null(checked(header_check_status, TEXT("200\0OK")));
	assert_non_null(checked(header_check_status, TEXT("200 OK\0")));
}

static void
test_name_characters(void **state)
{
	/* E2: RFC 9110's tokens, all of 256 bytes at each place. */
	char name[] = "XxX";
	size_t place;
	int c;

	(void)state;
	for (place = 0; place < 3; place++)
		for (c = 0; c < 0x100; c++) {
			memcpy(name, "XxX", 3);
			name[place] = (char)c;
			if (c != 0 &&
			    strchr("!#$%&'*+-.^_`|~0123456789"
				   "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
				c) != NULL)
				assert_null(
				    checked(header_check_name, name, 3));
			else
				assert_non_null(
				    checked(header_check_name, name, 3));
		}
	assert_non_null(checked(header_check_name, TEXT("")));
	assert_non_null(checked(header_check_name, TEXT("X-A\0X-B")));
}

static void
test_name_hop_by_hop(void **state)
{
	/* E3: in any case. */
	static const char *const names[] = { "Connection", "Keep-Alive",
		"Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailers",
		"Transfer-Encoding", "Upgrade" };
	char folded[32];
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(names); i++) {
		assert_non_null(header_check_name(names[i], strlen(names[i])));
		for (j = 0; names[i][j] != '\0'; j++)
			folded[j] = (char)(names[i][j] |
			    (names[i][j] == '-' ? 0 : 0x20));
		folded[j] = '\0';
		assert_non_null(header_check_name(folded, j));
	}
}

static void
test_name_status(void **state)
{
	/* E4: the server would take it for the response's status. */
	(void)state;
	assert_non_null(header_check_name(TEXT("Status")));
	assert_non_null(header_check_name(TEXT("sTATUS")));
	assert_null(header_check_name(TEXT("X-Status")));
	assert_null(header_check_name(TEXT("Status-")));
}

static void
test_name_whole(void **state)
{
	/* E3: names are compared whole, not by their beginning. */
	static const char *const names[] = { "T", "TEA", "Connection2",
		"X-Connection", "Connectio", "Upgrades", "Keep", "Content-Type",
		"Set-Cookie", "Trailer", "Trailer-", "Transfer" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(names); i++)
		assert_null(header_check_name(names[i], strlen(names[i])));
}

static void
test_name_length(void **state)
{
	/* E2, E3: only the given length counts, whatever is behind it. */
	(void)state;
	assert_non_null(header_check_name("Connection: close", 10));
	assert_non_null(header_check_name("TEA", 2));
	assert_non_null(header_check_name("Statuses", 6));
	assert_null(header_check_name("Content-Type: text/html", 12));
	assert_non_null(checked(header_check_name, TEXT("Connection")));
	assert_null(checked(header_check_name, TEXT("Connectio")));
}

static void
test_value(void **state)
{
	/* E2: any Latin-1 without control characters but HT. */
	char value[] = "a?b";
	int c;

	(void)state;
	assert_null(checked(header_check_value, TEXT("")));
	for (c = 0; c < 0x100; c++) {
		value[1] = (char)c;
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			assert_non_null(checked(header_check_value, value, 3));
		else
			assert_null(checked(header_check_value, value, 3));
	}
	assert_non_null(checked(header_check_value, TEXT("a\r\nX: b")));
	assert_non_null(checked(header_check_value, TEXT("a\0")));
	assert_non_null(checked(header_check_value, TEXT("\0")));
}

static void
test_trim(void **state)
{
	/* E2: spaces and tabs go at both ends, and nowhere else. */
	static const struct {
		const char *before, *after;
	} cases[] = {
		{ "", "" },
		{ " ", "" },
		{ " \t \t", "" },
		{ "a", "a" },
		{ " a", "a" },
		{ "a\t", "a" },
		{ " \ta b\t c\t ", "a b\t c" },
		{ "\xa0"
		  "a\xa0",
		    "\xa0"
		    "a\xa0" },
		{ "\va\v", "\va\v" },
	};
	const char *trimmed;
	size_t i, length;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		length = strlen(cases[i].before);
		trimmed = header_trim(cases[i].before, &length);
		assert_int_equal(length, strlen(cases[i].after));
		assert_memory_equal(trimmed, cases[i].after, length);
	}
	length = 3;
	assert_memory_equal(header_trim(" \0 ", &length), "\0", 1);
	assert_int_equal(length, 1);
}

static void
assert_length(int64_t expected, const char *text)
{
	int64_t length = -7;

	assert_int_equal(header_read_length(text, strlen(text), &length), 0);
	assert_true(length == expected);
}

static void
test_length(void **state)
{
	/* C5, E4: digits, leading zeros too, up to the largest that fits. */
	(void)state;
	assert_length(0, "0");
	assert_length(5, "5");
	assert_length(5, "0005");
	assert_length(5, "0000000000000000000000000000000000000005");
	assert_length(1234567890, "1234567890");
	assert_length(INT64_MAX - 1, "9223372036854775806");
	assert_length(INT64_MAX, "9223372036854775807");
	assert_length(INT64_MAX, "00009223372036854775807");
}

static void
test_no_length(void **state)
{
	/* C5, E4: everything else, and what does not fit. */
	static const char *const refused[] = { "", " ", "+5", "-1", "-0", "0x5",
		"5 ", " 5", "5,5", "5, 5", "5.0", "5e3", "abc", "5a", "1_000",
		"9223372036854775808", "9223372036854775810",
		"9223372036854775817", "18446744073709551616",
		"18446744073709551617", "99999999999999999999", "\xb2",
		"\xd9\xa5" };
	int64_t length;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(refused); i++)
		assert_int_equal(
		    header_read_length(refused[i], strlen(refused[i]), &length),
		    -1);
	assert_int_equal(header_read_length(TEXT("5\0"), &length), -1);
	assert_int_equal(header_read_length(TEXT("\0"
						 "5"),
			     &length),
	    -1);
}

static void
test_length_bounded(void **state)
{
	/* C5: only the given length is read. */
	int64_t length;

	(void)state;
	assert_int_equal(header_read_length("12x", 2, &length), 0);
	assert_true(length == 12);
	assert_int_equal(header_read_length("12", 0, &length), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_allowed),
		cmocka_unit_test(test_status_refused),
		cmocka_unit_test(test_status_control),
		cmocka_unit_test(test_name_characters),
		cmocka_unit_test(test_name_hop_by_hop),
		cmocka_unit_test(test_name_status),
		cmocka_unit_test(test_name_whole),
		cmocka_unit_test(test_name_length),
		cmocka_unit_test(test_value),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_no_length),
		cmocka_unit_test(test_length_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
