/* The page about a failure, for whoever sees it in a browser. */
#ifndef CGI_PAGE_H
#define CGI_PAGE_H

#include "cgi/report.h"
#include "cgi/request.h"

/*
 * Forgets all of an earlier request. The new one stays borrowed. terminal: a
 * person reads the page there.
 */
void page_open(const struct request *, bool terminal);

/* From now on pages say that the log is the file of --log. */
void page_expect_log(void);

/* Once: logs the remembered failure and, if no byte was sent, its page. */
void page_deliver(void);

/* Notes what page_last_words() needs of the request. */
void page_prepare(void);

/*
 * Writes report_last_words() and, if no byte was sent, the page. Signal
 * handlers may call it.
 */
void page_last_words(enum report_code, int signal_number);

#endif
