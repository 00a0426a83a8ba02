/* The process as the server made it: descriptors, signals, limits, time. */
#ifndef CGI_PROCESS_H
#define CGI_PROCESS_H

#include <stdbool.h>

#include "cgi/report.h"

/* What others do when the process ends at once, or was forked. */
struct process_hooks {
	/* perhaps in a signal handler; number as in report_last_words() */
	void (*last_words)(enum report_code, int signal_number);
	void (*after_fork)(void); /* in the child */
};

/* Opens /dev/null as 0, 1 and 2 if closed. Returns 0, or -1 with errno. */
int process_open_standard(void);

/*
 * Forgets all of an earlier request, and puts descriptors, signals and limits
 * in order. *body and *reply become private copies of standard input and
 * output, or -1 where that is closed; 0 reads nothing from now on and 1 is the
 * log. Returns 0, or -1 with errno: then a page can be sent all the same.
 */
int process_open(const struct process_hooks *, int *body, int *reply);

/* The name that the kernel was given to execute (AT_EXECFN), or fallback. */
const char *process_execfn(const char *fallback);

/* What process_execfn() says where cgi2wsgi-preload was executed instead. */
void process_begin_as(const char *name);

/* Whether set-ID bits or capabilities of the file gave us other rights. */
bool process_is_set_id(void);

/*
 * Interrupts the application after timeout seconds without progress (0: never).
 * What follows an interruption, or the reply, may take grace seconds; then the
 * process ends. Returns 0, or -1 with errno.
 */
int process_limit(unsigned timeout, unsigned grace);

/* A byte of the body was taken, or one of the reply given. */
void process_note_progress(void);

/*
 * From now on SIGTERM, and the end of a time limit, call this, in a signal
 * handler, instead of ending the process.
 */
void process_serve(void (*interrupt_application)(enum report_code));

/* In place of process_serve() where an image has its handlers in it already. */
void process_resume(void);
bool process_is_resumed(void);

/*
 * process_hold(): the last byte is being sent, so SIGTERM waits until exit.
 * process_release(): it was not sent; a SIGTERM that came since then counts.
 */
void process_hold(void);
void process_release(void);

/*
 * The last byte has been sent: SIGTERM waits until exit, and status is what
 * exit will say even if time runs out.
 */
void process_finish(int status);

/* Stop and restart the clock of process_finish(). */
void process_pause_clock(void);
void process_resume_clock(void);

/* In words, what interrupted the application, with its code; or NULL. */
const char *process_interruption(enum report_code *);

/* Whether SIGTERM came. */
bool process_is_terminated(void);

/* Whether this is a child that the application forked. */
bool process_is_child(void);

/* Whether the server waits: this is no child, and nothing is finished. */
bool process_owes_reply(void);

/*
 * Ends the process at once. A server that still waits gets a page, and the
 * status is not 0 then. The caller has logged the reason.
 */
_Noreturn void process_exit(int status);

#endif
