/* Percent-decoding and dot segments. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/url.h"

static void
assert_decoded(const char *expected, const char *text)
{
	char *copy = strdup(text);

	assert_non_null(copy);
	url_decode(copy);
	assert_string_equal(copy, expected);
	free(copy);
}

static void
test_every_byte(void **state)
{
	/* B16: each byte but NUL, with digits of either case. */
	static const char *const formats[] = { "%%%02x", "%%%02X" };
	char text[8], expected[2] = "";
	unsigned byte;
	size_t i;

	(void)state;
	for (byte = 1; byte < 0x100; byte++)
		for (i = 0; i < 2; i++) {
			snprintf(text, sizeof(text), formats[i], byte);
			expected[0] = (char)byte;
			assert_decoded(expected, text);
		}
	assert_decoded("/a\xab/", "/a%aB/");
}

static void
test_once(void **state)
{
	/* B16, B11: what was encoded twice stays encoded once. */
	(void)state;
	assert_decoded("%41", "%2541");
	assert_decoded("%%41", "%25%2541");
	assert_decoded("%2f", "%252f");
}

static void
test_no_encoding(void **state)
{
	/* B16: what is no encoding stays, up to the end of the text. */
	static const char *const texts[] = { "", "/", "/a+b", "%", "%%", "%4",
		"%zz", "%4g", "%g4", "% 41", "a%", "caf\xc3\xa9", "%u0041",
		"%-1", "%+1" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_decoded(texts[i], texts[i]);
	assert_decoded("%A", "%%41");
	assert_decoded("A%", "%41%");
	assert_decoded("A%4", "%41%4");
}

static void
test_nul(void **state)
{
	/* B11: a NUL would end the text, so it is left encoded. */
	(void)state;
	assert_decoded("%00", "%00");
	assert_decoded("/a%00b", "/%61%00%62");
	assert_decoded("%000", "%000");
}

static void
assert_normal(const char *expected, const char *path)
{
	char *copy = strdup(path);

	assert_non_null(copy);
	url_normalize(copy);
	assert_string_equal(copy, expected);
	free(copy);
}

static void
test_normalize(void **state)
{
	/* B16: RFC 3986 5.2.4, and slashes merged. */
	static const struct {
		const char *path, *normal;
	} cases[] = {
		{ "/", "/" },
		{ "//", "/" },
		{ "/.", "/" },
		{ "/..", "/" },
		{ "/../../", "/" },
		{ "/../../a", "/a" },
		{ "/a//b", "/a/b" },
		{ "//a///b//", "/a/b/" },
		{ "/a/./b/.", "/a/b/" },
		{ "/a/b/..", "/a/" },
		{ "/a/b/../", "/a/" },
		{ "/a/b/../c", "/a/c" },
		{ "/a/..", "/" },
		{ "/a/../../b", "/b" },
		{ "/a/b/../../..", "/" },
		{ "/a//../b", "/b" },
		{ "/a/b c/\xc3\xa9//y/../z", "/a/b c/\xc3\xa9/z" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_normal(cases[i].normal, cases[i].path);
}

static void
test_normal_already(void **state)
{
	/* B16: names that only begin or end with dots stay. */
	static const char *const paths[] = { "/a", "/a/", "/a/b", "/...", "/.a",
		"/a.", "/..a", "/a..", "/.../", "/.a/", "/..a/b", "/a/b./",
		"/%2e/a", "/\xff" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		assert_normal(paths[i], paths[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_no_encoding),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_normalize),
		cmocka_unit_test(test_normal_already),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
