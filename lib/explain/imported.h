/* Tells which modules were imported, and how long each took. */
#ifndef EXPLAIN_IMPORTED_H
#define EXPLAIN_IMPORTED_H

#include <stddef.h>

/*
 * Writes a title and a table of the modules that were imported, in the order in
 * which they began, from index first on: those before it were told already. Of
 * many only those that took the longest have a row; without any there is no
 * title either. Returns how many there were.
 */
size_t imported_tell(const char *title, size_t first);

#endif
