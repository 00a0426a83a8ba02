/* A moment at which a function is called, whatever the application does. */
#ifndef CGI_DEADLINE_H
#define CGI_DEADLINE_H

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

#endif
