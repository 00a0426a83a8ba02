/* What /proc/self/pagemap says of a page, in eight bytes (proc(5)). */
#ifndef IMAGE_PAGEMAP_H
#define IMAGE_PAGEMAP_H

#include <stddef.h>
#include <stdint.h>

#define PAGE_PRESENT (UINT64_C(1) << 63)
#define PAGE_SWAPPED (UINT64_C(1) << 62)
#define PAGE_FILE (UINT64_C(1) << 61) /* not a copy of the process's own */
#define PAGEMAP_MOST 512 /* pages that are asked for in one call */

/*
 * Asks the open pagemap for pages of this size from start up to end, which is
 * behind it. Returns for how many of them there is an entry now, or 0.
 */
size_t pagemap_read(int pagemap, uint64_t page, uint64_t start, uint64_t end,
    uint64_t entries[PAGEMAP_MOST]);

#endif
