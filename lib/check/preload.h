/* Whether requests could start from an image of the process. */
#ifndef CHECK_PRELOAD_H
#define CHECK_PRELOAD_H

#include "check/python.h"

/* Tries it, and adds what came of it; what was saved is dropped. */
void preload_check(const struct subject *);

#endif
