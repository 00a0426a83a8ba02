/* Not open_memstream(3): its fclose() does not tell that a write failed. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/buffer.h"

/* Makes room for size bytes and a NUL. Returns where they go, or NULL. */
static char *
reserve(struct buffer *buffer, size_t size)
{
	size_t needed = buffer->length + size + 1, room = buffer->room;
	char *grown;

	if (needed <= size || /* more than a size_t can say */
	    (needed > room && buffer->fixed))
		buffer->failed = true;
	if (buffer->failed)
		return NULL;
	if (needed > room) {
		room = needed > 2 * room ? needed : 2 * room;
		if ((grown = realloc(buffer->bytes, room)) == NULL) {
			buffer->failed = true;
			return NULL;
		}
		buffer->bytes = grown;
		buffer->room = room;
	}
	return buffer->bytes + buffer->length;
}

void
buffer_add(struct buffer *buffer, const char *bytes, size_t size)
{
	char *to = reserve(buffer, size);

	if (to == NULL)
		return;
	if (size > 0)
		memcpy(to, bytes, size);
	to[size] = '\0';
	buffer->length += size;
}

void
buffer_add_text(struct buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

void
buffer_add_byte(struct buffer *buffer, char byte)
{
	buffer_add(buffer, &byte, 1);
}

void
buffer_add_number(struct buffer *buffer, int64_t number, int digits)
{
	char text[24], *at = text + sizeof(text);

	for (; number > 0 || digits > 0; number /= 10, digits--)
		*--at = (char)('0' + number % 10);
	buffer_add(buffer, at, (size_t)(text + sizeof(text) - at));
}

void
buffer_print(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	char *to;
	int size;

	va_start(arguments, format);
	size = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (size < 0)
		buffer->failed = true;
	if (size < 0 || (to = reserve(buffer, (size_t)size)) == NULL)
		return;
	va_start(arguments, format);
	if (vsnprintf(to, (size_t)size + 1, format, arguments) == size)
		buffer->length += (size_t)size;
	else
		buffer->failed = true;
	va_end(arguments);
}

char *
buffer_take(struct buffer *buffer, size_t *length)
{
	char *bytes = NULL;

	buffer_add(buffer, "", 0);
	if (buffer->failed)
		free(buffer->bytes);
	else
		bytes = buffer->bytes;
	if (length != NULL)
		*length = bytes != NULL ? buffer->length : 0;
	*buffer = (struct buffer){ 0 };
	return bytes;
}
