/* What a URL asks for: a path on this host, or a whole http or https URL. */
#ifndef TERMINAL_TARGET_H
#define TERMINAL_TARGET_H

#include <stdbool.h>
#include <stddef.h>

struct target {
	bool secure;
	char *authority; /* as in a Host header: without a default port */
	char *login; /* user:password, decoded; NULL: none */
	char *path; /* without dot segments, undecoded */
	char *query; /* "" with a question mark alone; NULL: none */
};

/*
 * Takes a URL apart (RFC 3986 3). Returns 0, or -1 with a failure reported;
 * target_free() is needed in any case.
 */
int target_read(struct target *, const char *url);
void target_free(struct target *);

/* Splits host, host:port or [address]:port. Returns the port, or NULL. */
const char *target_port(const char *authority, size_t *host_length);

#endif
