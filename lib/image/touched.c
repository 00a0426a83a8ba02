/*
 * Most pages that a request writes to are the same for each: counts of
 * references, the collector's lists, free lists of allocators. The first
 * process that starts from an image, which is there to try it, tells which they
 * are. The list says nothing about what is in them, so a wrong one costs time
 * and nothing else.
 */

#include <sys/mman.h>

#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "image/pagemap.h"
#include "image/place.h"
#include "image/touched.h"

/* Returns false if there is no more room. */
static bool
add_page(struct image *image, uint64_t address)
{
	struct image_range *range =
	    (struct image_range *)((char *)image + image->touched.first);
	uint64_t count = image->touched.count;

	if (count > 0 &&
	    range[count - 1].address + range[count - 1].size == address) {
		range[count - 1].size += image->page;
		return true;
	}
	if (count == image->touched_room)
		return false;
	range[count] = (struct image_range){ address, image->page };
	image->touched.count++;
	return true;
}

/* What was written to is no more the file's that it was mapped from. */
static int
note_segment(struct image *image, const struct image_segment *segment,
    struct pagemap *pagemap)
{
	uint64_t address = segment->address, end = address + segment->size,
		 entry;

	for (; address < end; address += image->page) {
		if (!pagemap_ask(pagemap, address, &entry))
			return -1;
		if ((entry & (PAGE_PRESENT | PAGE_FILE)) == PAGE_PRESENT &&
		    !add_page(image, address))
			return 0;
	}
	return 0;
}

static int
note_all(struct image *image)
{
	const struct image_segment *segment =
	    (struct image_segment *)((char *)image + image->segments.first);
	struct pagemap pagemap;
	int result = pagemap_open(&pagemap, image->page) ? 0 : -1;
	uint64_t i;

	image->touched.count = 0;
	for (i = 0; result == 0 && i < image->segments.count; i++)
		if ((segment[i].protection & PROT_WRITE) != 0)
			result = note_segment(image, &segment[i], &pagemap);
	if (result == -1)
		image->touched.count = 0;
	image->checksum = place_sum(image);
	return result;
}

int
touched_note(int file)
{
	struct image head, *image;
	int result;

	if (pread(file, &head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return -1;
	image = mmap(NULL, (size_t)head.head, PROT_READ | PROT_WRITE,
	    MAP_SHARED, file, 0);
	if (image == MAP_FAILED)
		return -1;
	result = note_all(image);
	munmap(image, (size_t)head.head);
	return result;
}
