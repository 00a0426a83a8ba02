/*
 * A command line's request: a reply is read as a server reads it, in whatever
 * pieces it comes, and printed. The input's first byte says how large pieces
 * are, and whether the head is printed.
 */

#include "fuzzer.h"

#include <sys/types.h>

#include <unistd.h>

#define ROOM 65536 /* that print_reply() makes for a piece */

static const uint8_t *left;
static size_t count, piece, written;
static char printed[1 << 16];

static ssize_t
give_piece(int descriptor, void *buffer, size_t size)
{
	size_t given = piece < size ? piece : size;

	ensure(size == ROOM, "as much as there is room for");

	(void)descriptor;
	if (given > count)
		given = count;
	memcpy(buffer, left, given);
	left += given;
	count -= given;
	return (ssize_t)given;
}

static ssize_t
take_piece(int descriptor, const void *buffer, size_t size)
{
	(void)descriptor;
	ensure(written + size <= sizeof(printed), "no more than came");
	memcpy(printed + written, buffer, size);
	written += size;
	return (ssize_t)size;
}

static int
close_nothing(int descriptor)
{
	(void)descriptor;
	return 0;
}

/* No room behind the next piece: where it ends, the sanitizer guards. */
static void *
grow(void *old, size_t size)
{
	ensure(size >= ROOM, "room for a piece");
	return realloc(old, size - ROOM + (piece < ROOM ? piece : ROOM));
}

#define realloc grow
#define read give_piece
#define write take_piece
#define close close_nothing
#include "../../../lib/terminal/client.c"
#undef realloc
#undef read
#undef write
#undef close

/* What has to be printed of a whole reply. */
static void
check(const char *reply, size_t size)
{
	const char *end = memmem(reply, size, "\r\n\r\n", 4);
	int cgi = size >= 8 && memcmp(reply, "Status: ", 8) == 0;
	size_t from = 0, http = 0;

	if (end == NULL ||
	    (!cgi && (size < 5 || memcmp(reply, "HTTP/", 5) != 0))) {
		ensure(written == 0, "without a head nothing is printed");
		return;
	}
	if (!client.include)
		from = (size_t)(end + 4 - reply);
	else if (cgi) {
		http = strlen("HTTP/1.1 ");
		from = strlen("Status: ");
		ensure(
		    written >= http && memcmp(printed, "HTTP/1.1 ", http) == 0,
		    "a status line");
	}
	ensure(written == http + size - from &&
		memcmp(printed + http, reply + from, size - from) == 0,
	    "all of the rest is printed");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 5 || size > 40000)
		return 0;
	memset(&client, 0, sizeof(client));
	client.include = *data & 1;
	client.reply = client.output = 9;
	piece = (size_t)(*data >> 1) + 1;
	left = data + 1;
	count = size - 1;
	written = 0;
	print_reply();
	check((const char *)data + 1, size - 1);
	free(client.complaint);
	return 0;
}
