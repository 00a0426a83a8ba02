/* A moment at which a function is called, whatever the application does. */
#ifndef CGI_DEADLINE_H
#define CGI_DEADLINE_H

#include <stdint.h>
#include <time.h>

/*
 * Forgets an earlier deadline; from now on on_time is called, in a signal
 * handler, at the moment that deadline_set() says. Returns 0, or -1 with
 * errno.
 */
int deadline_open(void (*on_time)(void));

/*
 * Sets that moment, so many milliseconds from now, in place of an earlier one;
 * 0: never. Does nothing before deadline_open(). Signal handlers may call it.
 */
void deadline_set(unsigned milliseconds);

/*
 * After deadline_open(): a second deadline, by the processor time that this
 * process uses. Returns 0, or -1 with errno.
 */
int deadline_open_cpu(void (*on_time)(void));

/* Sets it to a tenth of a second before so many seconds were used in all. */
void deadline_set_cpu(time_t seconds);

/* Milliseconds of processor time used, as the kernel counts for RLIMIT_CPU. */
int64_t deadline_cpu_time(void);

#endif
