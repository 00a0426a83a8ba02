/* One descriptor, written to block by block, never buffered. */

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/sendfile.h>
#endif

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgi/ascii.h"
#include "cgi/body.h"
#include "cgi/buffer.h"
#include "cgi/date.h"
#include "cgi/header.h"
#include "cgi/log.h"
#include "cgi/process.h"
#include "cgi/reply.h"

static struct {
	int descriptor;
	mode_t type; /* S_IFMT of descriptor */
	const char *nph_server;
	volatile sig_atomic_t started; /* handlers read it */
} reply = { .descriptor = -1 };

void
reply_open(int descriptor)
{
	struct stat st;

	memset(&reply, 0, sizeof(reply));
	reply.descriptor = descriptor;
	reply.type = fstat(descriptor, &st) == 0 ? st.st_mode & S_IFMT : 0;
}

void
reply_be_nph(const char *server)
{
	reply.nph_server = header_check_value(server, strlen(server)) == NULL
	    ? server
	    : "cgi2wsgi";
}

/* line: CRLF, the name, a colon. The status precedes the first header. */
static bool
has_header(const struct buffer *head, const char *line)
{
	return head->failed || ascii_find(head->bytes, line) != NULL;
}

void
reply_add_head(
    struct buffer *to, const char *status, const char *headers, int64_t body)
{
	buffer_add_text(
	    to, reply.nph_server != NULL ? "HTTP/1.1 " : "Status: ");
	buffer_add_text(to, status);
	buffer_add_text(to, "\r\n");
	buffer_add_text(to, headers);
	if (body != -1) {
		buffer_add_text(to, "Content-Length: ");
		buffer_add_number(to, body, 1);
		buffer_add_text(to, "\r\n");
	}
	if (reply.nph_server != NULL) {
		if (!has_header(to, "\r\nDate:"))
			date_add_header(to);
		if (!has_header(to, "\r\nServer:")) {
			buffer_add_text(to, "Server: ");
			buffer_add_text(to, reply.nph_server);
			buffer_add_text(to, "\r\n");
		}
		buffer_add_text(to, "Connection: close\r\n");
	}
	buffer_add_text(to, "\r\n");
}

/* How much a pipe or file that poll() calls writable takes at once. */
static size_t
capacity(void)
{
#ifdef F_GETPIPE_SZ
	int filled, size;
#endif

	if (reply.type == S_IFREG)
		return SIZE_MAX;
#ifdef F_GETPIPE_SZ
	if (reply.type == S_IFIFO &&
	    ioctl(reply.descriptor, FIONREAD, &filled) == 0 && filled == 0 &&
	    (size = fcntl(reply.descriptor, F_GETPIPE_SZ)) > 0)
		return (size_t)size;
#endif
	return PIPE_BUF;
}

/*
 * Waits until bytes can be written without blocking for ever: a server that
 * writes the whole body before it reads would wait for us meanwhile.
 * Returns how many, or 0 with errno.
 */
static size_t
await_room(void)
{
	struct pollfd ends[2] = { { .fd = reply.descriptor, .events = POLLOUT },
		{ .fd = body_pending(), .events = POLLIN } };

	while (ends[1].fd != -1) {
		if (poll(ends, 2, -1) == -1)
			return 0;
		if (ends[0].revents != 0)
			return capacity();
		body_spool();
		ends[1].fd = body_pending();
	}
	return SIZE_MAX;
}

static ssize_t
write_parts(struct iovec *parts, int count, size_t room)
{
	struct msghdr message = { .msg_iov = parts };
	struct iovec first = *parts;
	size_t total = 0;
	ssize_t written;
	int i;

	for (i = 0; i < count; i++)
		total += parts[i].iov_len;
	if (room != SIZE_MAX && reply.type == S_IFSOCK) {
		message.msg_iovlen = (size_t)count;
		return sendmsg(reply.descriptor, &message, MSG_DONTWAIT);
	}
	if (first.iov_len > room)
		first.iov_len = room;
	written = count > 1 && total <= room
	    ? writev(reply.descriptor, parts, count)
	    : write(reply.descriptor, first.iov_base, first.iov_len);
	if (written != -1)
		log_note_other_write();
	return written;
}

static int
await_writable(void)
{
	struct pollfd output = { .fd = reply.descriptor, .events = POLLOUT };

	return poll(&output, 1, -1);
}

/* Takes what was sent off the front; returns the number of empty parts. */
static int
consume(struct iovec *parts, int count, size_t sent)
{
	size_t part;
	int i;

	for (i = 0; i < count; i++) {
		part = sent < parts[i].iov_len ? sent : parts[i].iov_len;
		parts[i].iov_base = (char *)parts[i].iov_base + part;
		parts[i].iov_len -= part;
		sent -= part;
		if (parts[i].iov_len > 0)
			break;
	}
	return i;
}

int
reply_push(struct iovec *parts, int count)
{
	sig_atomic_t started = reply.started;
	size_t room;
	ssize_t sent;
	int done;

	if (reply.descriptor == -1) {
		errno = EPIPE; /* nobody was ever there */
		return -1;
	}
	while ((done = consume(parts, count, 0)) < count) {
		if ((room = await_room()) == 0)
			return -1;
		/* A handler must send no page into a reply that blocks here. */
		reply.started = 1;
		sent = write_parts(parts + done, count - done, room);
		if (sent >= 0) {
			process_note_progress();
			if (consume(parts, count, (size_t)sent) == count)
				return 0;
			/* A signal may have cut this short. */
			errno = EINTR;
			return -1;
		}
		reply.started = started;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return -1;
		if (await_writable() == -1)
			return -1;
	}
	return 0;
}

static ssize_t
copy_file(int file, off_t *offset, size_t size)
{
	char buffer[65536];
	struct iovec part = { .iov_base = buffer };
	ssize_t got;

	got = pread(file, buffer, size < sizeof(buffer) ? size : sizeof(buffer),
	    *offset);
	if (got <= 0)
		return got;
	part.iov_len = (size_t)got;
	if (reply_push(&part, 1) == -1 && errno != EINTR)
		return -1;
	got -= (ssize_t)part.iov_len;
	*offset += got;
	return got > 0 ? got : -1;
}

ssize_t
reply_push_file(int file, off_t *offset, size_t size)
{
#ifdef __linux__
	size_t room;
	ssize_t sent;

	if ((room = await_room()) == 0)
		return -1;
	sent = sendfile(
	    reply.descriptor, file, offset, size < room ? size : room);
	if (sent > 0) {
		reply.started = 1;
		process_note_progress();
	}
	if (sent >= 0) {
		log_note_other_write();
		return sent;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return await_writable() == -1
		    ? -1
		    : reply_push_file(file, offset, size);
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
#endif
	return copy_file(file, offset, size);
}

int
reply_descriptor(void)
{
	return reply.descriptor;
}

bool
reply_is_started(void)
{
	return reply.started != 0;
}

void
reply_shout(const char *bytes, size_t size)
{
	ssize_t sent;

	reply.started = 1;
	for (; size > 0; bytes += sent, size -= (size_t)sent)
		if ((sent = write(reply.descriptor, bytes, size)) <= 0)
			return;
}

void
reply_await_reader(void)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	const unsigned long unread = reply.type == S_IFSOCK ? TIOCOUTQ
							    : FIONREAD;
	int bytes, i, calm = 0;

	if (reply.type != S_IFSOCK && reply.type != S_IFIFO)
		return;
	for (i = 0; i < 1000 && calm < 20; i++) {
		if (ioctl(reply.descriptor, unread, &bytes) == -1)
			return;
		calm = bytes == 0 ? calm + 1 : 0;
		nanosleep(&pause, NULL);
	}
}

void
reply_close(void)
{
	close(reply.descriptor);
	reply.descriptor = -1;
}
