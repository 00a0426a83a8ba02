/* What cmocka lacks; it has to be included before. */
#ifndef TESTS_UNIT_ASSERTIONS_H
#define TESTS_UNIT_ASSERTIONS_H

/* Texts, either of which may be NULL. */
static inline void
assert_same(const char *text, const char *expected)
{
	if (expected == NULL)
		assert_null(text);
	else {
		assert_non_null(text);
		assert_string_equal(text, expected);
	}
}

#endif
