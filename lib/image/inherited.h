/* What a child inherits from its parent and the kernel keeps. */
#ifndef IMAGE_INHERITED_H
#define IMAGE_INHERITED_H

/* The application is about to be imported. */
void inherited_begin(void);

/*
 * It was imported: what it has changed since. Returns 0, or -1 if there is no
 * memory.
 */
int inherited_end(void);

/*
 * In a process that was woken: the same changes again, as far as it may.
 * Returns 0, or -1 with errno set if it cannot change into the folder.
 */
int inherited_renew(void);

#endif
