/* The variables that --env sets. */
#ifndef INVOCATION_SETTINGS_H
#define INVOCATION_SETTINGS_H

#include <stdbool.h>

struct setting {
	const char *name, *value; /* stay for good */
};

struct settings {
	struct setting *list; /* in their order: the last of a name counts */
	int count;
};

/*
 * Appends NAME=VALUE. Returns 1, 0 if the text is none, or -1 with a failure
 * reported.
 */
int settings_append(struct settings *, const char *text);

/* Whether a variable of this name is set. */
bool settings_have(const struct settings *, const char *name);

#endif
