/* A reply, as a server reads it (RFC 3875 6). */
#ifndef TERMINAL_RESPONSE_H
#define TERMINAL_RESPONSE_H

#include <stddef.h>

struct terminal_response {
	int status;
	size_t size; /* of the head as it came */
	char *head; /* as a client gets it; to be freed */
	size_t length; /* of head */
};

/*
 * Reads the head at the beginning of what has come so far, be it one of CGI
 * or a whole HTTP response (RFC 3875 5). Returns 1, 0 if its end has not come
 * yet, or -1 if it is none.
 */
int terminal_response_read(
    struct terminal_response *, const char *bytes, size_t size);

#endif
