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
 * In how many milliseconds that is, in place of an earlier one; 0: never.
 * Nothing happens before deadline_open(). Signal handlers may call it.
 */
void deadline_set(unsigned milliseconds);

/*
 * After deadline_open(): one more, of the processor time of this process.
 * Returns 0, or -1 with errno.
 */
int deadline_open_cpu(void (*on_time)(void));

/* A tenth of a second before the process has used so many since its start. */
void deadline_set_cpu(time_t seconds);

/* How many milliseconds it has used, as the kernel counts for its limit. */
int64_t deadline_cpu_time(void);

#endif
