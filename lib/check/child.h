/* Something done in a child process, since it may crash, end or never end. */
#ifndef CHECK_CHILD_H
#define CHECK_CHILD_H

#include <stdbool.h>
#include <stddef.h>

struct child {
	/* what came out: findings, standard output, standard error */
	struct stream {
		int descriptor;
		char *bytes; /* NUL-terminated */
		size_t length;
	} channel, output, errors;
	int status; /* as of waitpid(2) */
	bool returned; /* act() did */
	bool late; /* it was ended when the time was over */
};

/*
 * Calls act() in a child, with a descriptor to write to, and waits at most so
 * many seconds; then the child gets SIGABRT, and soon SIGKILL. Whatever it
 * started in its process group ends with it. Returns 0, or -1 with errno.
 */
int child_run(struct child *, unsigned seconds,
    void (*act)(int channel, const void *argument), const void *argument);

/* Frees what came out. */
void child_release(struct child *);

#endif
