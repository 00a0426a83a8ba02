/*
 * A start of Python writes to nearly every page of its .data, one page fault
 * and one copied page after the other: a tenth of a small request's time. Here
 * they are copied in one call, and the copies take their place. What Python
 * then asks for lies in huge pages, with a fault for 512 pages.
 */

#include "python/cpython.h"

#include <stdatomic.h>

#include "python/memory.h"

#define SMALL 512 /* bytes: Python asks malloc() only if it has no block left */
#define IN_VAIN 100000

static PyMemAllocatorEx usual;
static void (*give_up)(void);
static atomic_int failures; /* of small requests, without a success between */

/* Between two steps of Python code, which such a loop never reaches. */
static int
forgive(void *unused)
{
	(void)unused;
	failures = 0;
	return 0;
}

/* An application may run out of memory again and again, and free some. */
static void
count_failure(void)
{
	int count = ++failures;

	if (count == IN_VAIN)
		Py_AddPendingCall(forgive, NULL);
	else if (count == 2 * IN_VAIN)
		give_up();
}

static void *
allocate(void *context, size_t size)
{
	void *memory = usual.malloc(context, size);

	if (memory != NULL)
		failures = 0;
	else if (size <= SMALL)
		count_failure();
	return memory;
}

void
memory_end_loops(void (*end)(void))
{
	PyMemAllocatorEx hook;

	give_up = end;
	PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &usual);
	hook = usual;
	hook.malloc = allocate;
	PyMem_SetAllocator(PYMEM_DOMAIN_RAW, &hook);
}

/* Sanitizers know where everything was; musl has no mallopt(). */
#if defined(__linux__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define HUGE ((uintptr_t)2 << 20)
#define POOL ((size_t)16 << 10) /* Python's, of 3.10 and later */
#define POOL_HEAD 48 /* bytes in front of a pool's first block */
#define LARGEST_BLOCK 512 /* what is larger is malloc()'s */
#define LARGEST ((size_t)100 << 10) /* that malloc() does not map */
#define HEAP ((size_t)32 << 20)
#define LARGE ((size_t)4 << 20)
#define PLENTY ((rlim_t)1 << 30)

/* Of Linux 5.11 and 5.14; older ones refuse them. */
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* From the linker. */
extern char __data_start[], _edata[];

static uintptr_t
round_up(uintptr_t address, uintptr_t unit)
{
	return (address + unit - 1) & ~(unit - 1);
}

#ifndef __PIE__
/* Into pages that do not exist yet. */
static bool
copy_pages(char *to, const char *from, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .range = { (uintptr_t)to, size },
		.mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = {
		.dst = (uintptr_t)to, .src = (uintptr_t)from, .len = size
	};
	int pages = (int)syscall(
	    SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	bool done = pages != -1 && ioctl(pages, UFFDIO_API, &api) == 0 &&
	    ioctl(pages, UFFDIO_REGISTER, &area) == 0 &&
	    ioctl(pages, UFFDIO_COPY, &copy) == 0;

	if (pages != -1)
		close(pages);
	return done;
}

static bool
replace_pages(char *start, size_t size)
{
	char *copy = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (copy == MAP_FAILED)
		return false;
	if (copy_pages(copy, start, size) &&
	    mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, start) !=
		MAP_FAILED)
		return true;
	munmap(copy, size);
	return false;
}

static void
copy_variables(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE),
		  start = round_up((uintptr_t)__data_start, page),
		  end = round_up((uintptr_t)_edata, page);

	/* A sandbox may refuse the quicker way. */
	if (start < end && !replace_pages((char *)start, end - start))
		madvise((void *)start, end - start, MADV_POPULATE_WRITE);
}
#endif

static void *volatile skipped; /* the heap up to its first huge page */

/* One heap for everything, in huge pages, which gives nothing back. */
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
allocate_arena(void *context, size_t size)
{
	(void)context;
	if (skipped == NULL)
		spread_heap();
	return aligned_alloc(POOL, size);
}

static void
free_arena(void *context, void *memory, size_t size)
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
	static PyObjectArenaAllocator allocator = { NULL, allocate_arena,
		free_arena };

	if (is_limited())
		return;
		/* With a shared libpython the dynamic linker wrote to most. */
#ifndef __PIE__
	copy_variables();
#endif
	PyObject_SetArenaAllocator(&allocator);
}

#if __GLIBC_PREREQ(2, 33)

/*
 * Takes all free memory inside the heap, from large pieces to small. What comes
 * from the heap's end, where new memory begins, is given back.
 */
static void
use_up_heap(void)
{
	size_t behind = mallinfo2().keepcost, size;
	uintptr_t end, got;
	void *memory;

	do
		memory = PyMem_RawMalloc(LARGEST);
	while (memory != NULL && mallinfo2().keepcost == behind);
	end = (uintptr_t)memory;
	PyMem_RawFree(memory);
	for (size = LARGEST; end != 0 && size > 0;
	     size -= size > 1024 ? size / 1024 * 16 : 16)
		do {
			memory = PyMem_RawMalloc(size);
			got = (uintptr_t)memory;
			if (got >= end)
				PyMem_RawFree(memory);
		} while (memory != NULL && got < end);
}

#endif

/*
 * Python's pools have blocks of one size each. Once a block is the first of its
 * pool, all other pools of that size are full.
 */
static void
use_up_pools(void)
{
	size_t size, taken = 0;
	void *block;

	for (size = LARGEST_BLOCK; size > 0; size -= 16)
		do {
			block = PyObject_Malloc(size);
			taken += size;
		} while (block != NULL && taken < LARGE &&
		    (uintptr_t)block % POOL != POOL_HEAD);
}

void
memory_use_up(void)
{
#if __GLIBC_PREREQ(2, 33)
	use_up_heap();
#endif
	use_up_pools();
}

#else

void
memory_gather(void)
{
}

void
memory_use_up(void)
{
}

#endif
