/*
 * Others write to the log, too, and nothing asks them to end their lines. A
 * file tells its last byte. Of a pipe or socket nothing tells; but the kernel
 * counts the calls of write(2) of a process and of children that it waited for.
 * Where one is new that is not ours, or nothing counts them, an empty line is
 * better than an entry in the middle of one.
 *
 * inotify(7) would tell of the log alone. But when it is closed, which the end
 * of a process does, the kernel waits for 10 to 20 ms.
 */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "cgi/log.h"

#define SELF "/proc/self/fd/2"

static struct {
	off_t size; /* of a file when a line began */
	long writes; /* count_writes() when one began in a pipe or socket */
} sink;

/* One more than the calls of write(2) (proc(5)), or 0: nothing counts them. */
static long
count_writes(void)
{
	static const char name[] = "syscw: ";
	int file = open("/proc/self/io", O_RDONLY | O_CLOEXEC);
	char text[512];
	const char *at = NULL;
	ssize_t got = 0;
	long count;

	if (file != -1) {
		got = read(file, text, sizeof(text) - 1);
		close(file);
	}
	if (got > 0) {
		text[got] = '\0';
		at = strstr(text, name);
	}
	if (at == NULL)
		return 0;
	for (at += strlen(name), count = 0; *at >= '0' && *at <= '9'; at++)
		count = 10 * count + (*at - '0');
	return count + 1;
}

/* Here a line begins. */
static void
note_line(void)
{
	struct stat st;

	if (fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode))
		sink.size = st.st_size;
	else
		sink.writes = count_writes();
}

void
log_open(void)
{
	note_line();
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

	if (fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode))
		return st.st_size == sink.size || st.st_size == 0 ||
		    ends_in_line_end(st.st_size);
	return sink.writes != 0 && count_writes() == sink.writes;
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
log_note_other_write(void)
{
	if (sink.writes != 0)
		sink.writes++;
}

void
log_write(const char *text, size_t size)
{
	if (size > 0 && !is_line_begun())
		log_write_more("\n", 1);
	log_write_more(text, size);
}
