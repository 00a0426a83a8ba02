/*
 * The request's body: standard input up to CONTENT_LENGTH, of which not one
 * byte is lost and after which not one is read.
 */
#ifndef CGI_BODY_H
#define CGI_BODY_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "cgi/request.h"

/*
 * Forgets all of an earlier request. The descriptor becomes the body's;
 * nothing is read yet.
 */
void body_open(int descriptor);

/*
 * Decides from CONTENT_LENGTH where the body ends (RFC 3875 4.1.2, 4.2).
 * limit is --max-body, or -1. Returns 0, or -1 with a failure reported.
 */
int body_measure(const struct request *, int64_t limit);

/*
 * Reads a body without a length, a chunked upload, to its end and sets
 * CONTENT_LENGTH (RFC 3875 4.2). Withdraws HTTP_TRANSFER_ENCODING, which is
 * the server's (PEP 3333 "Other HTTP Features"). Returns 0; 1 if a signal
 * came, and it has to be called again; or -1 with a failure reported.
 */
int body_store(struct request *);

/*
 * Reads at most size bytes. Returns their number, 0 at the end, or -1 with
 * errno: ECONNRESET if the client left before the end, EINTR after a signal.
 */
ssize_t body_read(void *buffer, size_t size);

/* Whether body_measure() was called. */
bool body_is_measured(void);

/* The descriptor, if more of the body may come and none was refused; or -1. */
int body_pending(void);

/*
 * Keeps what the server has written, so that it can stop writing and read
 * the reply. If that fails, body_read() tells.
 */
void body_spool(void);

/* Nobody will read any more: from now on body_spool() drops. */
void body_abandon(void);

/*
 * Reads and drops the rest: servers lose the reply otherwise. Takes so many
 * seconds at most, and one at most for a body that --max-body refused.
 */
void body_drain(unsigned seconds);

/* For a forked child: the body is its parent's. */
void body_close(void);

#endif
