/* The process as the server made it: descriptors, signals, limits, time. */
#ifndef CGI_PROCESS_H
#define CGI_PROCESS_H

#include <stdbool.h>

#include "cgi/report.h"

/* What others do when the process ends at once, or was forked. */
struct process_hooks {
	/* in a signal handler; by which signal, or as report.h has it */
	void (*last_words)(enum report_code, int signal_number);
	void (*after_fork)(void); /* in the child */
};

/* Opens 0, 1 and 2 if they are closed. Returns 0, or -1 with errno. */
int process_open_standard(void);

/*
 * Forgets all of an earlier request, and puts descriptors, signals and limits
 * in order. *body and *reply become private copies of standard input and
 * output, or -1 where that is closed; 0 reads nothing from now on and 1 is the
 * log. Returns 0, or -1 with errno: then a page can be sent all the same.
 */
int process_open(const struct process_hooks *, int *body, int *reply);

/* The name that the kernel was given to execute, or fallback. */
const char *process_execfn(const char *fallback);

/* cgi2wsgi-preload knows better than the kernel: that was its own name. */
void process_begin_as(const char *name);

/* Whether the kernel gave us somebody else's rights. */
bool process_is_set_id(void);

/*
 * Ends the application when nothing was heard of it for timeout seconds (0:
 * never), and whatever comes after the reply, after that or after SIGTERM, in
 * grace seconds. Returns 0, or -1 with errno.
 */
int process_limit(unsigned timeout, unsigned grace);

/* A byte of the body was taken, or one of the reply given. */
void process_note_progress(void);

/*
 * From now on SIGTERM, and a limit of time, call this, in a signal handler,
 * instead of ending the process.
 */
void process_serve(void (*interrupt_application)(enum report_code));

/* In a process that was saved behind process_serve(): its handlers are back. */
void process_resume(void);
bool process_is_resumed(void);

/*
 * The last byte is being sent: SIGTERM waits until exit. If that was cut short
 * instead, a SIGTERM that came meanwhile counts after all.
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

/* What interrupted the application, and its code; or NULL. */
const char *process_interruption(enum report_code *);

/* Whether SIGTERM came. */
bool process_is_terminated(void);

/* Whether this is a child that the application forked. */
bool process_is_child(void);

/* Whether the server waits: this is no child, and nothing is finished. */
bool process_owes_reply(void);

/*
 * Ends it at once. While the server waits for the reply, with a page, and not
 * with success; the log has to have the reason.
 */
_Noreturn void process_exit(int status);

#endif
