/* The log: standard error, or the file of --log. */
#ifndef CGI_LOG_H
#define CGI_LOG_H

#include <stddef.h>

/* Forgets all of an earlier request; descriptor 2 is the log. */
void log_open(void);

/*
 * Makes a file both 1 and 2. A FIFO that nobody reads is refused. Returns 0,
 * or -1 with errno.
 */
int log_redirect(const char *file);

/*
 * Writes text at the beginning of a line: whatever the application, its
 * children or a library in C wrote may have ended without one. For signal
 * handlers, too.
 */
void log_write(const char *text, size_t size);

/* Goes on where log_write() ended. */
void log_write_more(const char *text, size_t size);

/* This process has just called write(2) or the like, and not for the log. */
void log_note_other_write(void);

#endif
