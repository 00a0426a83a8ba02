/* The pages that a process started from an image writes to. */
#ifndef IMAGE_TOUCHED_H
#define IMAGE_TOUCHED_H

/*
 * In a process that was started from the image in this file, at its end: notes
 * in the image which pages were written to. The next ones ask for all of
 * these at once. Returns 0, or -1 with errno set: then there is no such list.
 */
int touched_note(int file);

#endif
