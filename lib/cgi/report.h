/* What went wrong: the words for it, the log, and the remembered failure. */
#ifndef CGI_REPORT_H
#define CGI_REPORT_H

#include <stdbool.h>

#include "cgi/request.h"

/* In the order of the table in cgi2wsgi-errors(7). */
/* clang-format off */
enum report_code {
	REPORT_USAGE, REPORT_NO_APPLICATION, REPORT_LINE_END, REPORT_NO_FILE,
	REPORT_FILE_KIND, REPORT_UNSAFE_FILE, REPORT_SET_ID, REPORT_VENV,
	REPORT_LOG_FILE, REPORT_SYSTEM, REPORT_PYTHON, REPORT_SITE,
	REPORT_IMPORT, REPORT_NO_CALLABLE, REPORT_CONTENT_LENGTH,
	REPORT_LENGTH_REQUIRED, REPORT_TOO_LARGE, REPORT_APPLICATION,
	REPORT_PROTOCOL, REPORT_TIMEOUT,
	REPORT_TERMINATED, REPORT_CRASH, REPORT_CPU_TIME, REPORT_SIGNAL,
	/* these send no page */
	REPORT_SHORT_BODY, REPORT_LONG_BODY, REPORT_CLIENT_GONE, REPORT_CLOSE,
	REPORT_LOCATION, REPORT_HEADER_SIZE, REPORT_SHUTDOWN,
	REPORT_SCRIPT_NAME, REPORT_PRELOAD, REPORT_INFLATED, REPORT_HABIT,
	REPORT_NO_TYPE,
	REPORT_CODES /* how many there are */
};
/* clang-format on */

/* Forgets all of an earlier request. */
void report_open(void);

/* Names the request that lines and pages speak of; it must stay. */
void report_about(const struct request *);

/* The id that lines and pages carry: UNIQUE_ID or 16 random hex digits. */
const char *report_id(void);

/* Pages may tell everything (--debug). */
void report_show_debug(bool debug);
bool report_is_debug(void);

/* The word of a code, as it stands in lines and pages. */
const char *report_word(enum report_code);

/* Writes one line to the log. */
void report_log(enum report_code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same with a finished message and a traceback, or NULL. */
void report_enter(enum report_code, const char *message, const char *trace);

/*
 * Remembers the failure that ends the request; the first one counts.
 * Always returns -1.
 */
int report_fail(enum report_code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Remembers that there was no memory. Always returns -1. */
int report_no_memory(void);

/* The remembered failure's message, or NULL; and whether it is of a kind. */
const char *report_failure(void);
bool report_failed_with(enum report_code);

/*
 * Adds to the remembered failure a traceback for the log, and what a page shows
 * under --debug: message and traceback. All are copied.
 */
void report_trace(const char *for_log, const char *message, const char *trace);

/* The message and the traceback for the page, each of which may be "". */
const char *report_page_message(void);
const char *report_page_trace(void);

/* Once: logs the remembered failure. Returns whether it did, and the code. */
bool report_conclude(enum report_code *);

/* Has report_last_words() tell of the request even where its path is long. */
void report_prepare(void);

/*
 * Writes the entry of a process that ends at once; signal handlers may call it.
 * signal_number: what ended it, or 0; -1: want of memory; -2: write nothing.
 */
void report_last_words(enum report_code, int signal_number);

#endif
