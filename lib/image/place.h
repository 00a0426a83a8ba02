/* Where images lie, and what files are like. Both programs ask, one without
 * a libc. */
#ifndef IMAGE_PLACE_H
#define IMAGE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "image/image.h"
#include "invocation/preload.h"

#define PLACE_SIZE 4096 /* of a path, PATH_MAX */
#define PLACE_NAME 32 /* of a file: 16 digits and one of these endings */
#define PLACE_IMAGE ".image"
#define PLACE_NEW ".image.new" /* being written */
#define PLACE_REFUSAL ".refusal" /* why there is no image */
#define PLACE_PATIENCE 600 /* seconds until a refusal is tried again */
#define PLACES 4 /* folders where images can lie */
/* A variable for a start that answers no request, as PRELOAD_MAKE is. */
#define PLACE_PROBE "CGI2WSGI_PROBE" /* start from PLACE_NEW, and end */

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

/* Whether text begins with these words, and how long they are, or 0. */
int place_begins(const char *text, const char *words);

bool place_equal(const char *, const char *);

/* Appends to a path of that size what fits; what does not makes the length
 * that is returned more than there is. */
int place_append(char *path, int length, const char *text);
int place_append_number(char *path, int length, uint64_t number);

/* What a file is like, as fstatat(2) does it; all zero if there is none. */
void place_stat(int folder, const char *path, int flags, struct image_stat *);
bool place_same(
    const struct image_stat *, const struct image_stat *, uint64_t how);

/* The same of a file of the key: what counts of it, IMAGE_WHOLE or another. */
void place_look(const char *path, uint64_t how, struct image_stat *);

/*
 * Opens one of the folders where the caller's images can lie (image.md "Where
 * it lies"), from 0 to PLACES, if nobody else can change what is in it.
 * Returns a descriptor, or -1.
 */
int place_open(const struct place_caller *, int which);

/* The name that the caller's image has in each of them, with an ending. */
void place_name(
    const struct place_caller *, const char *ending, char name[PLACE_NAME]);

/* The checksum of a head whose size is a multiple of eight. */
uint64_t place_sum(const struct image *);

/* Reads the boot's id. Returns false if the kernel does not tell. */
bool place_boot(char boot[40]);

/* Whether nobody but the effective user and root can write it. */
bool place_is_private(const struct image_stat *);

#endif
