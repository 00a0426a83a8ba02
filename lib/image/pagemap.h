/* What /proc/self/pagemap says of a page, in eight bytes (proc(5)). */
#ifndef IMAGE_PAGEMAP_H
#define IMAGE_PAGEMAP_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_PRESENT (UINT64_C(1) << 63)
#define PAGE_SWAPPED (UINT64_C(1) << 62)
#define PAGE_FILE (UINT64_C(1) << 61) /* not a copy of the process's own */

struct pagemap {
	int file;
	uint64_t page; /* size of one */
	uint64_t first, count; /* pages that were asked for in one call */
	uint64_t entries[512];
};

/* Begins to ask about pages of this size. Returns false if it cannot be read.
 */
bool pagemap_open(struct pagemap *, uint64_t page);

/* The entry of the page at an address. Returns false if there is none. */
bool pagemap_ask(struct pagemap *, uint64_t address, uint64_t *entry);

#endif
