/* One call for many pages, which are asked for one after the other. */

#include <fcntl.h>
#include <unistd.h>

#include "image/pagemap.h"

bool
pagemap_open(struct pagemap *pagemap, uint64_t page)
{
	pagemap->page = page;
	pagemap->count = 0;
	pagemap->file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	return pagemap->file != -1;
}

bool
pagemap_ask(struct pagemap *pagemap, uint64_t address, uint64_t *entry)
{
	uint64_t number = address / pagemap->page;
	ssize_t got;

	if (number - pagemap->first >= pagemap->count) {
		got = pread(pagemap->file, pagemap->entries,
		    sizeof(pagemap->entries), (off_t)(number * sizeof(*entry)));
		pagemap->first = number;
		pagemap->count = got > 0 ? (uint64_t)got / sizeof(*entry) : 0;
	}
	*entry = pagemap->entries[number - pagemap->first];
	return pagemap->count > 0;
}
