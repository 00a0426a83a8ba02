/* The application is imported as a server would, but for nobody. */
#ifndef CHECK_IMPORT_H
#define CHECK_IMPORT_H

#include <stdbool.h>

#include "check/python.h"

/*
 * Imports the application in a child and adds findings about it. Returns
 * whether there is one that can be called.
 */
bool import_check(const struct subject *);

#endif
