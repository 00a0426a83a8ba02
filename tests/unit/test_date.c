/* The date of a moment, as the C library has it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "cgi/date.h"

static void
test_date(void **state)
{
	/* D4: each day of four centuries, at each hour by turns. */
	struct tm ours, theirs;
	time_t moment;
	int day;

	(void)state;
	for (day = 0; day < 146097 + 400; day++) {
		moment = (time_t)day * 86400 + day * 3607 % 86400;
		ours = date_of(moment);
		gmtime_r(&moment, &theirs);
		assert_int_equal(ours.tm_year, theirs.tm_year);
		assert_int_equal(ours.tm_mon, theirs.tm_mon);
		assert_int_equal(ours.tm_mday, theirs.tm_mday);
		assert_int_equal(ours.tm_wday, theirs.tm_wday);
		assert_int_equal(ours.tm_hour, theirs.tm_hour);
		assert_int_equal(ours.tm_min, theirs.tm_min);
		assert_int_equal(ours.tm_sec, theirs.tm_sec);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_date) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
