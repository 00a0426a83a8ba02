/* Words that those who ask for an image share with those who make it. */
#ifndef INVOCATION_PRELOAD_H
#define INVOCATION_PRELOAD_H

/* The program that a first line names to start from an image. */
#define PRELOAD_NAME "cgi2wsgi-preload"

/*
 * A variable for a start that answers no request, but makes an image, "save",
 * or makes one and drops it, "try". Either way it says what came of that, one
 * fact a line: a word, a blank, the rest (image/keep.c).
 */
#define PRELOAD_MAKE "CGI2WSGI_MAKE"

#endif
