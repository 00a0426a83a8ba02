/* What /proc/self/pagemap says of a page, in eight bytes (proc(5)). */
#ifndef IMAGE_PAGEMAP_H
#define IMAGE_PAGEMAP_H

#include <stdint.h>

#define PAGE_PRESENT (UINT64_C(1) << 63)
#define PAGE_SWAPPED (UINT64_C(1) << 62)
#define PAGE_FILE (UINT64_C(1) << 61) /* not a copy of the process's own */

#endif
