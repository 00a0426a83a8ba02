/* The pages that a process started from an image writes to. */
#ifndef IMAGE_WRITTEN_H
#define IMAGE_WRITTEN_H

/*
 * In a process that was started from the image in this file, at its end: notes
 * in the image which of its pages were written to. The next ones copy these in
 * advance. Returns 0, or -1 with errno set: then there is no such list.
 */
int written_note(int file);

#endif
