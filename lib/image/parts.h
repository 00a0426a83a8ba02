/* What the lists in an image consist of. Offsets count from its beginning. */
#ifndef IMAGE_PARTS_H
#define IMAGE_PARTS_H

#include <stdint.h>

/* What a file or folder was like; all zero: it did not exist. */
struct image_stat {
	uint64_t device, inode, mode, size;
	int64_t changed, touched; /* mtime and ctime in nanoseconds */
};

/* Names are offsets from the start of the file; each ends with a zero byte. */
struct image_file {
	uint64_t name;
	uint64_t how; /* what is compared: */
#define IMAGE_WHOLE 0 /* all of it */
#define IMAGE_WHICH 1 /* the same one, of the same owner, as open to others? */
#define IMAGE_NAMES 2 /* of a folder, those that can be modules */
	struct image_stat was;
};

/* A variable of the environment that the import could see. */
struct image_variable {
	uint64_t name;
	uint64_t value; /* 0: it was not set */
};

/* A part of the address space; where it comes from tells `library`. */
struct image_segment {
	uint64_t address, size, offset;
	uint32_t protection;
	int32_t library; /* index, or one of these: */
#define IMAGE_SAVED (-1) /* this file, at offset */
#define IMAGE_EMPTY (-2) /* zero bytes */
};

/* Pages side by side that each process will write to. */
struct image_range {
	uint64_t address, size;
};

/* A list: the offset of its first element, and how many there are. */
struct image_list {
	uint64_t first, count;
};

#endif
