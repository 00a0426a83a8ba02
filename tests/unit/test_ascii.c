/* Letters of protocols, byte by byte. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/ascii.h"

static void
test_every_byte(void **state)
{
	/* I7: what is no ASCII letter or digit is none in any locale. */
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	unsigned byte;
	char c;

	(void)state;
	for (byte = 1; byte < 0x100; byte++) {
		c = (char)byte;
		assert_int_equal(
		    ascii_is_letter(c), strchr(letters, c) != NULL);
		assert_int_equal(
		    ascii_is_digit(c), strchr("0123456789", c) != NULL);
		assert_int_equal(ascii_is_hex_digit(c),
		    strchr("0123456789abcdefABCDEF", c) != NULL);
		assert_true(ascii_is_letter(c) || ascii_lower(c) == c);
		assert_true(ascii_is_letter(c) || ascii_upper(c) == c);
	}
	assert_false(ascii_is_letter('\0') || ascii_is_hex_digit('\0'));
	assert_int_equal(ascii_lower('I'), 'i');
	assert_int_equal(ascii_upper('i'), 'I');
}

static void
test_comparisons(void **state)
{
	/* I7: the same but for capital letters, and as long. */
	const char *text = "a\r\nDate: x";

	(void)state;
	assert_true(ascii_equal("Connection", "CONNECTION"));
	assert_false(ascii_equal("Connection", "Connections"));
	assert_false(ascii_equal("Connections", "Connection"));
	assert_true(ascii_equal("", ""));
	assert_true(ascii_equal_text("Status: x", 6, "status"));
	assert_false(ascii_equal_text("Status: x", 5, "status"));
	assert_true(ascii_begins("HTTPS://", "https:", 6));
	assert_false(ascii_begins("http", "https:", 6));
	assert_ptr_equal(ascii_find(text, "\r\ndate:"), text + 1);
	assert_null(ascii_find(text, "dates"));
	assert_false(ascii_equal("\xc4\xb0", "i"));
	assert_false(ascii_equal("\xc4\xb1", "I"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_comparisons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
