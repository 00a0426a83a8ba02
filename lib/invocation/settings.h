/* The variables that --env and --env-file set. */
#ifndef INVOCATION_SETTINGS_H
#define INVOCATION_SETTINGS_H

#include <sys/types.h>

#include <stdbool.h>

struct setting {
	const char *name; /* NULL: value names a file that is not read yet */
	const char *value; /* both stay for good */
};

struct settings {
	struct setting *list; /* in their order: the last of a name counts */
	int count;
};

/* Appends NAME=VALUE. Returns false if the text is none. */
bool settings_append(struct settings *, const char *text);

/* Appends a name and a value as they are. */
void settings_append_pair(
    struct settings *, const char *name, const char *value);

/*
 * Appends the lines of a file as docker has them: NAME=VALUE up to the end of
 * the line; lines that are empty or begin with # say nothing. It must belong
 * to the effective user, to root or to owner, and others must not read it.
 * Returns 0, or -1 with a failure reported.
 */
int settings_read_file(struct settings *, const char *file, uid_t owner);

/* Whether a variable of this name is set. */
bool settings_have(const struct settings *, const char *name);

#endif
