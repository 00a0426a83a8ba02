/* Files and folders by their names. */
#ifndef INVOCATION_FILE_H
#define INVOCATION_FILE_H

#include <stdbool.h>

/* Whether it is a regular file, or a link to one. */
bool file_is_regular(const char *path);

/* Whether two names are those of the same file. */
bool file_is_same(const char *one, const char *other);

/* The last part of a name, inside it. */
const char *file_base(const char *path);

/* The folder that a name stands in. Returns memory to be freed. */
char *file_folder(const char *path);

/*
 * The absolute name of a file that an option names relative to a folder.
 * Returns memory to be freed.
 */
char *file_path(const char *folder, const char *name);

#endif
