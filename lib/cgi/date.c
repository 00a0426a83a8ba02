/*
 * Dates that a signal handler can write, too, and that no locale of the
 * application changes: gmtime(3) and strftime(3) would not do.
 */

#include "cgi/date.h"

/*
 * Years begin in March here, so that a leap day is a year's last; 400 of them
 * have 146,097 days, and five months 153. Day 0 is 719,468 days before 1970,
 * which was a Thursday.
 */
struct tm
date_of(int64_t seconds)
{
	int64_t days = seconds / 86400 + 719468, day = days % 146097,
		year = (day - day / 1460 + day / 36524 - day / 146096) / 365,
		month;

	day -= 365 * year + year / 4 - year / 100;
	year += days / 146097 * 400;
	month = (5 * day + 2) / 153;
	return (struct tm){ .tm_year = (int)(year + (month > 9)) - 1900,
		.tm_mon = (int)(month > 9 ? month - 10 : month + 2),
		.tm_mday = (int)(day - (153 * month + 2) / 5 + 1),
		.tm_wday = (int)((seconds / 86400 + 4) % 7),
		.tm_hour = (int)(seconds / 3600 % 24),
		.tm_min = (int)(seconds / 60 % 60),
		.tm_sec = (int)(seconds % 60) };
}

static void
add_time_of_day(struct buffer *to, const struct tm *tm)
{
	buffer_add_number(to, tm->tm_hour, 2);
	buffer_add_byte(to, ':');
	buffer_add_number(to, tm->tm_min, 2);
	buffer_add_byte(to, ':');
	buffer_add_number(to, tm->tm_sec, 2);
}

void
date_add_header(struct buffer *to)
{
	static const char days[][8] = { "Sun, ", "Mon, ", "Tue, ", "Wed, ",
		"Thu, ", "Fri, ", "Sat, " };
	static const char months[][8] = { " Jan ", " Feb ", " Mar ", " Apr ",
		" May ", " Jun ", " Jul ", " Aug ", " Sep ", " Oct ", " Nov ",
		" Dec " };
	struct tm tm = date_of(time(NULL));

	buffer_add_text(to, "Date: ");
	buffer_add_text(to, days[tm.tm_wday]);
	buffer_add_number(to, tm.tm_mday, 2);
	buffer_add_text(to, months[tm.tm_mon]);
	buffer_add_number(to, tm.tm_year + 1900, 4);
	buffer_add_byte(to, ' ');
	add_time_of_day(to, &tm);
	buffer_add_text(to, " GMT\r\n");
}

void
date_add_entry(struct buffer *to)
{
	struct tm tm = date_of(time(NULL));

	buffer_add_number(to, tm.tm_year + 1900, 4);
	buffer_add_byte(to, '-');
	buffer_add_number(to, tm.tm_mon + 1, 2);
	buffer_add_byte(to, '-');
	buffer_add_number(to, tm.tm_mday, 2);
	buffer_add_byte(to, 'T');
	add_time_of_day(to, &tm);
	buffer_add_text(to, "Z ");
}
