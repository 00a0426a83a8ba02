/* The moment, and where the time of one request goes. */
#ifndef CGI_CLOCK_H
#define CGI_CLOCK_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

/* Each moment belongs to one of these; a phase may come back. */
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

/* The process that called clock_open(): a forked child is another. */
pid_t clock_process(void);

/*
 * From now on phases are told apart; before, clock_enter() does nothing.
 * announce: clock_header() returns a header.
 */
void clock_run(bool announce);

/*
 * Ends the present phase and begins another. Returns the nanoseconds since the
 * last such call: what the phase that ends took.
 */
int64_t clock_enter(enum clock_phase);

/* Time between these two calls counts for no phase. */
void clock_pause(void);
void clock_resume(void);

/* Nanoseconds of a phase so far, and of all of them. */
int64_t clock_spent(enum clock_phase);
int64_t clock_elapsed(void);

/*
 * Asks the kernel, once, when the process began. It knows to a tick, mostly 10
 * ms: the least that this can mean becomes the time of CLOCK_FORK. A forked
 * child keeps the answer.
 */
void clock_ask_kernel(void);

/* The most that it can mean; 0 if the kernel does not tell. */
int64_t clock_fork_at_most(void);

/*
 * The header Server-Timing (W3C, "Server Timing"), with CRLF: the phases
 * until now. Memory to be freed, or NULL if nobody wants it.
 */
char *clock_header(void);

#endif
