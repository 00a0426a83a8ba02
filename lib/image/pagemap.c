/* One call for many pages. */

#include <unistd.h>

#include "image/pagemap.h"

size_t
pagemap_read(int pagemap, uint64_t page, uint64_t start, uint64_t end,
    uint64_t entries[PAGEMAP_MOST])
{
	const size_t size = sizeof(*entries);
	uint64_t count = (end - start) / page;
	ssize_t got;

	if (count > PAGEMAP_MOST)
		count = PAGEMAP_MOST;
	got = pread(
	    pagemap, entries, count * size, (off_t)(start / page * size));
	return got > 0 ? (size_t)got / size : 0;
}
