/*
 * A start of Python writes to nearly every page of its .data, one page fault
 * and one copied page after the other: a tenth of a small request's time. Here
 * they are copied at once into a huge page, which then takes their place.
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
#define ARENA ((size_t)256 << 10) /* 1 MiB since 3.10 */
#define HEAP ((size_t)32 << 20)
#define LARGE ((size_t)4 << 20)
#define PLENTY ((rlim_t)1 << 30)

/* From the linker. */
extern char __data_start[], _edata[];

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

/* Aligned, or NULL; at least as much lies behind it. */
static char *
get_huge_page(void)
{
	const size_t size = 3 * HUGE;
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

static char *first_arena;
static void *volatile skipped; /* a part of the heap */

static void
move_variables(void)
{
	char *start = (char *)round_up((uintptr_t)__data_start, PAGE),
	     *end = (char *)round_up((uintptr_t)_edata, PAGE), *huge;
	size_t size = (size_t)(end - start);

	if (sysconf(_SC_PAGESIZE) != (long)PAGE || size > HUGE ||
	    (huge = get_huge_page()) == NULL)
		return;
	memcpy(huge, start, size);
	/* A sandbox may refuse that. */
	if (mremap(huge, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, start) ==
	    MAP_FAILED)
		munmap(huge, HUGE);
	else
		first_arena = (char *)round_up((uintptr_t)huge + size, POOL);
}

/* From now on in huge pages, and nothing is given back. */
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

/*
 * The first arena lies behind the variables, and a third of it in their page: a
 * small application needs no other. Others are malloc()'s, side by side with
 * its larger objects; so are the stacks of frames, which are small.
 */
static void *
allocate(void *context, size_t size)
{
	static bool taken;

	(void)context;
	if (size >= ARENA && !taken && first_arena != NULL) {
		taken = true;
		return first_arena;
	}
	if (size >= ARENA && skipped == NULL)
		spread_heap();
	return aligned_alloc(POOL, size);
}

static void
release(void *context, void *memory, size_t size)
{
	(void)context;
	(void)size;
	if (memory != first_arena)
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
