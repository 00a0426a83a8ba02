/* Something done in a child process, since it may crash, end or never end. */
#ifndef CHECK_CHILD_H
#define CHECK_CHILD_H

#include <stdbool.h>
#include <stddef.h>

#include "check/finding.h"

struct child {
	struct stream {
		int descriptor;
		char *bytes; /* NUL-terminated */
		size_t length;
	} output, errors;
	/* In memory that both share, as the child may close descriptors. */
	struct told {
		bool returned; /* act() did */
		struct finding_store findings;
	} * told;
	int status; /* as of waitpid(2) */
	bool late; /* it was ended when the time was over */
};

/*
 * Calls act() in a child and waits at most so many seconds; then the child gets
 * SIGABRT, and soon SIGKILL. Whatever it started in its process group ends with
 * it. Returns 0, or -1 with errno; child_release() is needed in any case.
 */
int child_run(struct child *, unsigned seconds,
    void (*act)(const void *argument), const void *argument);

/* Frees what came of it. */
void child_release(struct child *);

#endif
