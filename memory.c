/*
 * A start of Python writes to nearly every page of its .data and .bss, one page
 * fault and one copied page after the other: a tenth of a small request's time.
 * Here they are copied at once into a huge page, which then takes their place.
 */

#include "cpython.h"

#include "memory.h"

/*
 * A PIE has most variables in libpython; sanitizers know where they were; musl
 * has no mallopt().
 */
#if defined(__linux__) && defined(__GLIBC__) && !defined(__PIE__) && \
    !defined(__SANITIZE_ADDRESS__)

#include <sys/mman.h>
#include <sys/resource.h>

#include <limits.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE ((uintptr_t)4096)
#define HUGE ((uintptr_t)2 << 20)
#define POOL ((size_t)16 << 10) /* Python's, of 3.10 and later */
#define HEAP ((size_t)32 << 20)
#define LARGE ((size_t)4 << 20)
#define PLENTY ((rlim_t)1 << 30)

/* From the linker. */
extern char __data_start[], _edata[], _end[];

static uintptr_t
round_up(uintptr_t address, uintptr_t unit)
{
	return (address + unit - 1) & ~(unit - 1);
}

/* All of it exists as soon as its first byte does: the page is huge. */
static bool
is_huge(char *memory)
{
	unsigned char resident[HUGE / PAGE];

	*memory = 1;
	return mincore(memory, HUGE, resident) == 0 &&
	    memchr(resident, 0, sizeof(resident)) == NULL;
}

/* Aligned, or NULL. */
static char *
get_huge_page(void)
{
	const size_t size = 2 * HUGE;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     *huge;

	if (memory == MAP_FAILED)
		return NULL;
	huge = (char *)round_up((uintptr_t)memory, HUGE);
	if (madvise(huge, HUGE, MADV_HUGEPAGE) == 0 && is_huge(huge))
		return huge;
	munmap(memory, size);
	return NULL;
}

/*
 * Pages of .bss that nobody has touched stay untouched, and zero. In a process
 * that has just begun, none was written and swapped out since.
 */
static void
copy_variables(char *to, const char *end)
{
	const char *page = (char *)round_up((uintptr_t)_edata, PAGE);
	unsigned char resident[HUGE / PAGE];
	size_t i, pages = (size_t)(end - page) / PAGE;

	memcpy(to, __data_start, (size_t)(page - __data_start));
	if (mincore((void *)page, pages * PAGE, resident) == -1)
		memset(resident, 1, sizeof(resident));
	for (i = 0; i < pages; i++, page += PAGE)
		if (resident[i] & 1)
			memcpy(to + (page - __data_start), page, PAGE);
}

/* Whether nothing lies there, and malloc()'s heap will not either. */
static bool
reserve(char *start, char *end)
{
	char *got;

	if ((char *)sbrk(0) < end)
		return false;
	got = mmap(start, (size_t)(end - start), PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (got != MAP_FAILED && got != start)
		munmap(got, (size_t)(end - start));
	return got == start;
}

/* The page moves in one piece only to where another may begin. */
static void
move_variables(void)
{
	char *end = (char *)round_up((uintptr_t)_end, PAGE), *huge;

	if (sysconf(_SC_PAGESIZE) != (long)PAGE ||
	    (uintptr_t)__data_start % HUGE != 0 ||
	    (size_t)(end - __data_start) >= HUGE ||
	    !reserve(end, __data_start + HUGE) ||
	    (huge = get_huge_page()) == NULL)
		return;
	copy_variables(huge, end);
	/* A sandbox may refuse that. */
	if (mremap(huge, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		__data_start) == MAP_FAILED)
		munmap(huge, HUGE);
}

static void *volatile skipped; /* a part of the heap */

/* One heap for everything, in huge pages, that nothing is given back from. */
static void
spread_heap(void)
{
	uintptr_t start = (uintptr_t)sbrk(0), huge = round_up(start, HUGE);

	mallopt(M_MMAP_THRESHOLD, (int)LARGE);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	mallopt(M_TOP_PAD, (int)HEAP);
	/* Up to the first huge page. */
	skipped = malloc(huge - start);
	madvise((void *)huge, HEAP - HUGE, MADV_HUGEPAGE);
}

/* Python's arenas are malloc()'s: side by side with its larger objects. */
static void *
allocate(void *context, size_t size)
{
	(void)context;
	if (skipped == NULL)
		spread_heap();
	return aligned_alloc(POOL, size);
}

static void
release(void *context, void *memory, size_t size)
{
	(void)context;
	(void)size;
	free(memory);
}

/* What would be taken in advance has to be free for the application then. */
static bool
is_limited(void)
{
	struct rlimit space, data;

	return getrlimit(RLIMIT_AS, &space) == -1 ||
	    getrlimit(RLIMIT_DATA, &data) == -1 || space.rlim_cur < PLENTY ||
	    data.rlim_cur < PLENTY;
}

void
memory_gather(void)
{
	static PyObjectArenaAllocator allocator = { NULL, allocate, release };

	if (is_limited())
		return;
	move_variables();
	PyObject_SetArenaAllocator(&allocator);
}

#else

void
memory_gather(void)
{
}

#endif
