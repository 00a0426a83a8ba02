/* What the two halves of cgi2wsgi-preload share. No libc, no variables. */
#ifndef IMAGE_PRELOAD_H
#define IMAGE_PRELOAD_H

#include <elf.h>

#include "image/place.h"

/* Where the program is linked to lie, and where it reads an image's head:
 * nothing else is put there. */
#define PRELOAD_BASE UINT64_C(0x1000000000)
#define PRELOAD_SIZE UINT64_C(0x100000)
#define PRELOAD_HEAD UINT64_C(0x1100000000)

struct preload_start {
	struct place_caller caller;
	const Elf64_auxv_t *auxiliary;
	const unsigned char *random; /* 16 bytes */
	uint64_t page;
	bool secure; /* AT_SECURE, or ids that differ */
	bool probe, make; /* PLACE_PROBE, PRELOAD_MAKE */
};

/*
 * Becomes the saved process, if there is an image of exactly this invocation
 * that still is true. If not, returns, and memory is as it was.
 */
void thaw(const struct preload_start *);

/*
 * Becomes the program in the file, as exec would, but in memory that can be
 * saved. note is one more variable. Returns only if that fails.
 */
void load_program(const struct preload_start *, const char *file, char *note);

#endif
