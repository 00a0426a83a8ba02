/* The framing of a response: its head, and how much of a body may follow. */
#ifndef WSGI_FRAMING_H
#define WSGI_FRAMING_H

#include "python/cpython.h"

#include <sys/types.h>
#include <sys/uio.h>

#include <stdbool.h>
#include <stdint.h>

#include "wsgi/head.h"

struct framing {
	/* before start_response(); after it; the head is sent; at the end */
	enum { NOTHING, ACCEPTED, SENT, OVER } state;
	struct head head;
	int64_t sent; /* bytes of the body */
	bool head_request; /* RFC 9110 9.3.2 */
	bool sole_block; /* the result has one block, or none */
	bool wrote; /* write() was used */
	bool excess; /* there was more than Content-Length allows */
	bool client_gone;
	PyThread_type_lock turn; /* to send; NULL until then */
	unsigned long sender; /* the thread that has it, or 0 */
	/* told of what has left, as response_observer says; or NULL */
	void (*blocks)(int count, size_t head, int64_t size, int64_t took);
};

/* How many more bytes of the body may leave. */
int64_t framing_bytes_left(const struct framing *);

/* Whether nothing that the application still yields could be sent. */
bool framing_is_complete(const struct framing *);

/*
 * Sends count blocks, size bytes together, in one call. They begin at parts[1]:
 * parts[0] is for the head, which leaves before the first of all blocks. What
 * may not leave is dropped and noted as excess. Returns 0, or -1 with an
 * exception set. framing_send_block() sends one block.
 */
int framing_send(
    struct framing *, struct iovec *parts, int count, int64_t size);
int framing_send_block(struct framing *, const char *block, int64_t size);

/*
 * The same for a regular file from offset on, by the kernel where that is
 * possible; the first block takes the head along.
 */
int framing_send_file(struct framing *, int file, off_t offset);

#endif
