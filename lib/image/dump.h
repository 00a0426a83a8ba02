/* The writing half: this process's memory into a file. */
#ifndef IMAGE_DUMP_H
#define IMAGE_DUMP_H

#include "image/key.h"

/*
 * Writes the only thread of this process to a file, from which it starts again
 * in awake, with its stack at this address, below all that is used. It
 * allocates nothing that is saved. Returns NULL, or why it cannot be, which
 * stays valid.
 */
const char *dump_write(int file, const struct key *,
    void (*awake)(const struct image_call *), uintptr_t stack);

#endif
