/* Whether requests could start from an image of the process. */
#ifndef CHECK_PRELOAD_H
#define CHECK_PRELOAD_H

#include "check/python.h"
#include "invocation/preload.h"

/* Tries it, and adds what came of it; what was saved is dropped. */
void preload_check(const struct subject *);

/*
 * What a process that is to be saved writes (PRELOAD_MAKE). Returns what the
 * line with this word says, in memory to be freed, or NULL; for numbers, 0.
 */
char *preload_find_fact(const char *text, const char *word);
double preload_find_number(const char *text, const char *word);

#endif
