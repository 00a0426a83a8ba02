/* Tells which modules were imported, and how long each took. */
#ifndef EXPLAIN_IMPORTED_H
#define EXPLAIN_IMPORTED_H

#include <stddef.h>

/*
 * Writes what was imported but for the first so many: nothing if there is
 * nothing, all modules if they are few, else those that took the longest, in
 * the order of their beginnings. Returns how many there were.
 */
size_t imported_tell(const char *title, size_t first);

#endif
