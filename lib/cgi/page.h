/* The page about a failure, for whoever sees it in a browser. */
#ifndef CGI_PAGE_H
#define CGI_PAGE_H

#include "cgi/report.h"
#include "cgi/request.h"

/*
 * Forgets all of an earlier request. The new one must stay; a person at a
 * terminal may read its page.
 */
void page_open(const struct request *, bool terminal);

/* Entries go to a file of --log. */
void page_expect_log(void);

/* Once: logs the remembered failure and, if no byte was sent, its page. */
void page_deliver(void);

/*
 * Makes ready what page_last_words() writes, which may be called in a signal
 * handler: a line for the log and, if no byte was sent, the page. By which
 * signal, or 0.
 */
void page_prepare(void);
void page_last_words(enum report_code, int signal_number);

#endif
