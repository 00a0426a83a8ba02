/* A text that grows, or that fails as a whole. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/buffer.h"

static void
test_growth(void **state)
{
	/* I5: whatever is added is there, in order, and ends in NUL. */
	struct buffer buffer = { 0 };
	char *text, expected[64 + 1] = "";
	size_t length;
	int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		buffer_add_text(&buffer, "ab");
		buffer_add_byte(&buffer, 'c');
		buffer_print(&buffer, "%d%s", i, "de");
		buffer_add(&buffer, "fgh", 2);
	}
	assert_non_null(text = buffer_take(&buffer, &length));
	for (i = 0; i < 8; i++) {
		strcat(expected, "abc0defg");
		expected[i * 8 + 3] = (char)('0' + i);
	}
	assert_string_equal(text, expected);
	assert_int_equal(length, 64);
	free(text);
	assert_null(buffer.bytes);
	assert_non_null(text = buffer_take(&buffer, NULL));
	assert_string_equal(text, "");
	free(text);
}

static void
test_failure(void **state)
{
	/* G1: once memory has failed there is no text, not half a one. */
	struct buffer buffer = { 0 };
	size_t length = 1, size = SIZE_MAX - 2; /* which nobody has */

	(void)state;
	buffer_add_text(&buffer, "half");
	buffer_add(&buffer, "", size);
	assert_true(buffer.failed);
	buffer_add_text(&buffer, "more");
	assert_null(buffer_take(&buffer, &length));
	assert_int_equal(length, 0);
	buffer.failed = true;
	buffer_print(&buffer, "%d", 1);
	assert_null(buffer_take(&buffer, NULL));
	assert_false(buffer.failed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
