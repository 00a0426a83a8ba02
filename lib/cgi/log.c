/*
 * Others write to the log, too, and nothing asks them to end their lines. A
 * file tells its last byte; of a pipe or socket the kernel tells, by inotify,
 * whether anybody wrote. Where there is no telling, an empty line is better
 * than an entry in the middle of one.
 */

#include <sys/stat.h>
#ifdef __linux__
#include <sys/inotify.h>
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "cgi/log.h"

#define SELF "/proc/self/fd/2"

static struct {
	int watch; /* tells of writes to what is no file; or -1 */
	off_t size; /* of a file, where a line is known to begin */
} sink = { .watch = -1 };

void
log_open(void)
{
	struct stat st;

	sink.watch = -1;
	sink.size = 0;
	if (fstat(STDERR_FILENO, &st) == -1 || S_ISREG(st.st_mode)) {
		sink.size = st.st_size;
		return;
	}
#ifdef __linux__
	sink.watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (sink.watch != -1 &&
	    inotify_add_watch(sink.watch, SELF, IN_MODIFY) == -1) {
		close(sink.watch);
		sink.watch = -1;
	}
#endif
}

void
log_close(void)
{
	if (sink.watch != -1)
		close(sink.watch);
	sink.watch = -1;
}

/* Whether somebody wrote since the last call. */
static bool
was_written(void)
{
	char events[4096];
	bool written = false;

	while (read(sink.watch, events, sizeof(events)) > 0)
		written = true;
	return written;
}

static bool
ends_in_line_end(off_t size)
{
	int file = open(SELF, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char last = '\0';

	if (file != -1) {
		if (pread(file, &last, 1, size - 1) != 1)
			last = '\0';
		close(file);
	}
	return last == '\n';
}

static bool
is_line_begun(void)
{
	struct stat st;

	if (sink.watch != -1)
		return !was_written();
	return fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_size == sink.size || st.st_size == 0 ||
		ends_in_line_end(st.st_size));
}

static void
note_line(void)
{
	struct stat st;

	if (sink.watch != -1)
		was_written();
	else if (fstat(STDERR_FILENO, &st) == 0)
		sink.size = st.st_size;
}

int
log_redirect(const char *file)
{
	/* Without O_NONBLOCK a FIFO waits for its reader, for ever. */
	int to = open(file,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
	    0640);

	if (to == -1 || fcntl(to, F_SETFL, O_APPEND) == -1 ||
	    dup2(to, STDOUT_FILENO) == -1 || dup2(to, STDERR_FILENO) == -1)
		return -1;
	close(to);
	if (sink.watch != -1)
		close(sink.watch);
	log_open();
	return 0;
}

void
log_write_more(const char *text, size_t size)
{
	ssize_t done;

	for (; size > 0; text += done, size -= (size_t)done)
		if ((done = write(STDERR_FILENO, text, size)) == -1) {
			if (errno != EINTR)
				return;
			done = 0;
		}
	note_line();
}

void
log_write(const char *text, size_t size)
{
	if (size > 0 && !is_line_begun())
		log_write_more("\n", 1);
	log_write_more(text, size);
}
