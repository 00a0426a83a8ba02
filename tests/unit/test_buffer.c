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

static void
test_number(void **state)
{
	/* I5: decimal digits, as many at least. */
	struct buffer buffer = { 0 };
	char *text;

	(void)state;
	buffer_add_number(&buffer, 0, 1);
	buffer_add_byte(&buffer, ' ');
	buffer_add_number(&buffer, 7, 2);
	buffer_add_byte(&buffer, ' ');
	buffer_add_number(&buffer, INT64_MAX, 1);
	assert_non_null(text = buffer_take(&buffer, NULL));
	assert_string_equal(text, "0 07 9223372036854775807");
	free(text);
}

static void
test_fixed(void **state)
{
	/* G1: what does not fit into memory of the caller's has failed. */
	char memory[4];
	struct buffer buffer = {
		.bytes = memory, .room = sizeof(memory), .fixed = true
	};

	(void)state;
	buffer_add_text(&buffer, "abc");
	assert_false(buffer.failed);
	assert_string_equal(memory, "abc");
	buffer_add_byte(&buffer, 'd');
	assert_true(buffer.failed);
	assert_int_equal(buffer.length, 3);
	assert_ptr_equal(buffer.bytes, memory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_fixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
