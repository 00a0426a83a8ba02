/*
 * A text that grows. Where memory fails, what is added afterwards is dropped,
 * and buffer_take() tells: half a text never passes for a whole one.
 */
#ifndef CGI_BUFFER_H
#define CGI_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Begins as { 0 }; free(bytes) ends one that is not taken. Where the room is
 * fixed, signal handlers may add to it, but not print.
 */
struct buffer {
	char *bytes; /* ends in NUL, unless it is NULL */
	size_t length, room;
	bool fixed; /* the room: memory of the caller's, never to be taken */
	bool failed;
};

void buffer_add(struct buffer *, const char *bytes, size_t size);
void buffer_add_text(struct buffer *, const char *text);
void buffer_add_byte(struct buffer *, char byte);
/* A number from 0 on in decimal, with zeros before it up to so many digits. */
void buffer_add_number(struct buffer *, int64_t number, int digits);
void buffer_print(struct buffer *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Returns the text, to be freed, and its length if length is not NULL; or
 * NULL if memory failed at any time. The buffer is empty again.
 */
char *buffer_take(struct buffer *, size_t *length);

#endif
