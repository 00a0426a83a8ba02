/* The way to the client. Nothing else writes to it. */
#ifndef CGI_REPLY_H
#define CGI_REPLY_H

#include <sys/types.h>
#include <sys/uio.h>

#include <stdbool.h>
#include <stdint.h>

#include "cgi/buffer.h"

/*
 * Forgets all of an earlier request. The descriptor becomes the reply's;
 * nothing is written yet.
 */
void reply_open(int descriptor);

/*
 * The server passes the reply on as it is: the head starts with a status
 * line (RFC 3875 5). server becomes the Server header if a header can have it.
 */
void reply_be_nph(const char *server);

/*
 * Adds the head of a response (RFC 3875 6.3): a status without line end,
 * header lines with CRLF and, unless that is -1, the Content-Length.
 */
void reply_add_head(
    struct buffer *, const char *status, const char *headers, int64_t body);

/*
 * Sends the parts, spooling the request's body while the client does not
 * read. The parts are consumed, so that a call that returned -1 with EINTR
 * (a signal came, or may have come) can be repeated. Returns 0, or -1 with
 * errno (EPIPE: the client left).
 */
int reply_push(struct iovec *parts, int count);

/*
 * Sends at most size bytes of a regular file from *offset on, which it
 * moves, by the kernel where that is possible. Returns their number, 0 at
 * the end of the file, or -1 with errno.
 */
ssize_t reply_push_file(int file, off_t *offset, size_t size);

/* To ask whether it is a terminal; only this unit writes to it. */
int reply_descriptor(void);

/* Whether a byte has left. */
bool reply_is_started(void);

/*
 * Waits, a second at most, until the server has read all and for 20 ms found no
 * more. For a reply shorter than its Content-Length: if Apache read its end at
 * once with the rest, it would correct the length, and nobody saw the cut.
 */
void reply_await_reader(void);

/* write(2) of all bytes, for signal handlers. */
void reply_shout(const char *bytes, size_t size);

/* For a forked child: the reply is its parent's. */
void reply_close(void);

#endif
