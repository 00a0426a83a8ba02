/*
 * Preloaded: memory fails from some allocation on. The application begins the
 * count by fault_arm(after, times).
 */

#include <errno.h>
#include <limits.h>
#include <stddef.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static long left = LONG_MAX, failing;

void fault_arm(long after, long times);

void
fault_arm(long after, long times)
{
	failing = times;
	left = after;
}

static int
fails(void)
{
	if (left == LONG_MAX || (left > 0 && --left > 0) || failing <= 0)
		return 0;
	failing--;
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}
