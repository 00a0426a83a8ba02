/* Where images lie, and what files are like. Both programs ask, one without
 * a libc. */
#ifndef IMAGE_PLACE_H
#define IMAGE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "image/image.h"

#define PLACE_SIZE 4096 /* of a path, PATH_MAX */
/* Behind place_image(): complete, being written, and why there is none. */
#define PLACE_IMAGE ".image"
#define PLACE_NEW ".image-new"
#define PLACE_REFUSAL ".refusal"
#define PLACE_PROBE "CGI2WSGI_PROBE" /* a variable: start from PLACE_NEW */
#define PLACE_PATIENCE 600 /* seconds until a refusal is tried again */

/* Whom an image is for: what the kernel and the server said. */
struct place_caller {
	const char *execfn;
	int argc;
	char **argv, **environment;
	bool is_line; /* H2: started by a script's #! line */
	char boot[40];
};

/* The value of a variable, or NULL. */
const char *place_variable(char **environment, const char *name);

/* What a file is like; all zero if there is none. nofollow: of a link itself */
void place_stat(const char *path, bool nofollow, struct image_stat *);
void place_stat_open(int descriptor, struct image_stat *);
bool place_same(
    const struct image_stat *, const struct image_stat *, uint64_t how);

/*
 * What a folder is like to Python's import system: in place of size and times,
 * a sum of the names that can be modules. An application may keep a database
 * in its own folder, which changes with each request.
 */
void place_names(const char *path, struct image_stat *);

/*
 * The folder of the caller's images into path, the first that may hold them
 * (image.md "Where it lies"). create: make it if need be. Returns its length,
 * or 0: there is none.
 */
int place_folder(
    const struct place_caller *, char path[PLACE_SIZE], bool create);

/*
 * The name of the caller's image into path, in place_folder(), without an
 * ending. Returns its length, or 0: there can be none.
 */
int place_image(
    const struct place_caller *, char path[PLACE_SIZE], bool create);

/* The checksum of a head whose size is a multiple of eight. */
uint64_t place_sum(const struct image *);

/* Reads the boot's id. Returns false if the kernel does not tell. */
bool place_boot(char boot[40]);

/* Whether nobody but the effective user and root can write it. */
bool place_is_private(const struct image_stat *);

#endif
