/* Where the time of one request goes. */
#ifndef CGI_CLOCK_H
#define CGI_CLOCK_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

/* Time belongs to one of these at each moment; some come again and again. */
enum clock_phase {
	CLOCK_FORK, /* until main() began */
	CLOCK_INTERPRETER,
	CLOCK_IMPORT,
	CLOCK_APPLICATION,
	CLOCK_OUTPUT,
	CLOCK_EXIT,
	CLOCK_PHASES
};

#define CLOCK_SECOND INT64_C(1000000000)
#define CLOCK_MILLISECOND INT64_C(1000000)

/* Nanoseconds since some moment, never backwards; also in signal handlers. */
int64_t clock_now(void);

/* main() begins: forgets all of an earlier request. */
void clock_open(void);

/* The process in which it did. */
pid_t clock_process(void);

/*
 * From now on the phases are told apart; without this call what follows does
 * nothing. announce: clock_header() has something to say.
 */
void clock_run(bool announce);

/* Ends a phase and begins the next. Returns what the first took since then. */
int64_t clock_enter(enum clock_phase);

/* Between these, time belongs to nobody. */
void clock_pause(void);
void clock_resume(void);

/* Nanoseconds of a phase so far, and of all of them. */
int64_t clock_spent(enum clock_phase);
int64_t clock_elapsed(void);

/*
 * Asks the kernel, once, when the process began, which it tells to a tick of
 * its clock, mostly 10 ms. What is certain becomes the time of CLOCK_FORK. A
 * fork of the process keeps the answer.
 */
void clock_ask_kernel(void);

/* What CLOCK_FORK took at most, or 0: the kernel does not tell. */
int64_t clock_fork_at_most(void);

/*
 * The header Server-Timing (W3C, "Server Timing"), with CRLF: the phases
 * until now. Memory to be freed, or NULL if nobody wants it.
 */
char *clock_header(void);

#endif
