/* What a child inherits from its parent and the kernel keeps. */
#ifndef IMAGE_INHERITED_H
#define IMAGE_INHERITED_H

#include "image/key.h"

/* An application is about to be imported; first, there was this environment. */
void inherited_begin(char **environment);

/*
 * It was imported: what it has changed since. Returns why no other process can
 * have that, with a name in detail, or NULL. `mine` is no descriptor of the
 * application's. Without a key, as at first, a file that is open to be read
 * passes: whether it stays the same is asked with one.
 */
const char *inherited_end(int mine, const struct key *, char detail[256]);

/* In a process that was woken, before it opens anything: the import's files. */
void inherited_open(void);

/*
 * In a child that goes on as its parent does: it reads the import's files by
 * itself from where they were at first. Returns false with errno.
 */
bool inherited_part(void);

/*
 * Then: the other changes again, as far as it may. Returns NULL, or what it
 * cannot do, with errno set and in *name to what.
 */
const char *inherited_renew(const char **name);

#endif
