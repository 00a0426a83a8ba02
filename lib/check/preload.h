/* Whether requests could start from an image of the process. */
#ifndef CHECK_PRELOAD_H
#define CHECK_PRELOAD_H

#include "check/python.h"

#define PRELOAD_NAME "cgi2wsgi-preload"

/* Tries it, and adds what came of it; what was saved is dropped. */
void preload_check(const struct subject *);

/*
 * What a process that is to be saved writes (image/keep.c) has one fact a line:
 * a word, a blank, the rest. Returns the rest of the first line with this word,
 * up to the end of the text, or NULL.
 */
const char *preload_find_fact(const char *text, const char *word);

#endif
