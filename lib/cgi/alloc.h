/*
 * Memory for what is read before an application runs. Without any there is
 * nothing to go on with, so none of these returns NULL: the process ends, with
 * a page while the server waits for the reply.
 */
#ifndef CGI_ALLOC_H
#define CGI_ALLOC_H

#include <stddef.h>

/* A copy of a text, or of its first most bytes; to be freed. */
char *alloc_text(const char *text);
char *alloc_part(const char *text, size_t most);

/* A text made as by printf(3); to be freed. */
char *alloc_print(const char *format, ...)
    __attribute__((format(printf, 1, 2), returns_nonnull));

/* realloc(3) for count items of a size. */
void *alloc_items(void *list, size_t count, size_t size);

/* Where another call has failed for want of memory. */
void alloc_fail(void) __attribute__((noreturn));

#endif
