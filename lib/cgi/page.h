/* A page about a failure, for whoever sees it in a browser. */
#ifndef CGI_PAGE_H
#define CGI_PAGE_H

#include <stdbool.h>
#include <stddef.h>

struct page {
	const char *code, *status, *happened, *advice, *id;
	const char *message, *trace; /* NULL: not for the client's eyes */
	const char *accept; /* the Accept header */
	bool text; /* rather than HTML where both are as good */
	bool head_only; /* RFC 9110 9.3.2 */
};

/*
 * Makes a complete reply, head included: HTML, or text if that is preferred.
 * Returns memory to be freed, or NULL.
 */
char *page_make(const struct page *, size_t *length);

#endif
