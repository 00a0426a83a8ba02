/* What a saved process depends on: if any of it differs, it is not used. */
#ifndef IMAGE_KEY_H
#define IMAGE_KEY_H

#include "python/cpython.h"

#include "image/place.h"
#include "invocation/invocation.h"

/* Lists are as in an image, but the names in them are addresses still. */
struct key {
	struct place_caller caller;
	char *working; /* folder, where the process began */
	struct image_variable *variables;
	size_t variable_count, asked_count; /* by the import, at first */
	const char **families; /* of variables that count, too */
	size_t family_count;
	struct image_file *files;
	size_t file_count;
};

/* From now on os.environ notes who looks at what. -1: with an exception set */
int key_watch(void);

/* Nobody's looks are noted any more. */
void key_forget(void);

/*
 * Ends watching and fills in the rest, from the environment that the process
 * began with, for this application and its options. Memory stays for good.
 * Returns 0, or -1 with an exception set.
 */
int key_collect(struct key *, char **environment, const struct invocation *);

/*
 * Whether a file was changed after this time (nanoseconds), so that the key
 * may tell of another content than what was read.
 */
bool key_is_newer(const struct key *, int64_t time);

/* Whether this very file counts, whole. */
bool key_has(const struct key *, const struct image_stat *);

/* An object that cannot be in two processes, and where it is; or NULL. */
char *key_obstacle(void);

#endif
