/* The user's own folder for what is made of applications and read back. */
#ifndef PYTHON_CACHE_H
#define PYTHON_CACHE_H

#include <sys/stat.h>

#include <stddef.h>
#include <stdint.h>

#include "invocation/invocation.h"

/*
 * Finds the folder, or makes it (conformance J1): what --cache names; else the
 * first that can be had of /var/cache/cgi2wsgi/UID, ~/.cache/cgi2wsgi and
 * /var/tmp/cgi2wsgi-UID. It is not below one of served, which a web server
 * hands out and which may be NULL, as may home. Returns 0, or -1: then nothing
 * is kept, and cache_complaint() says why.
 */
int cache_open(
    const struct invocation *, const char *home, const char *const served[2]);

/* The folder's name, or NULL; and why there is none, or NULL. */
const char *cache_folder(void);
const char *cache_complaint(void);

/* FNV-1a, 64 bits: tells apart what nobody forges. */
uint64_t cache_hash(const char *bytes, size_t size);

/*
 * The name, in the folder, of what is made of a file:
 * "app.cgi-" and 16 hexadecimal digits of its whole path and the ending.
 * Returns memory to be freed, or NULL.
 */
char *cache_name(const char *file, const char *ending);

/*
 * Opens a file of the folder that nobody else can have written (conformance
 * J2). Returns a descriptor, or -1.
 */
int cache_read(const char *name, struct stat *);

/* Removes one, if it is there. */
void cache_remove(const char *name);

/*
 * Begins a file, 0600, under a name of its own, which is put into *temporary
 * and has to be freed. Returns a descriptor, or -1.
 */
int cache_create(const char *name, char **temporary);

/*
 * Closes such a file and gives it its name, in one step; without a name,
 * removes it. Who cannot tell half a file from a whole one calls fsync(2)
 * before. Then removes the oldest files with that ending if there are more than
 * most. Returns 0, or -1 and it is removed.
 */
int cache_publish(int file, char *temporary, const char *name,
    const char *ending, size_t most);

#endif
