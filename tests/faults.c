/*
 * Preloaded: memory fails from some allocation on. The application begins the
 * count by fault_arm(after, times), or the variable FAULTS has "all AFTER TIMES
 * FILE", for a count that begins with main() and goes to FILE; with "own" in
 * place of "all" only what the program and libc allocate is counted.
 */

#define _GNU_SOURCE

#include <sys/mman.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static long left = LONG_MAX, failing, counted;
static char file[4096];
static bool only_own;
static struct {
	uintptr_t begin, end;
} own[2]; /* the program, libc */

void fault_arm(long after, long times);

void
fault_arm(long after, long times)
{
	failing = times;
	left = after;
}

/* Where a loaded file's code lies, by /proc: nothing here may allocate. */
static void
find_own(void)
{
	char *const line = __libc_malloc(8192);
	char name[4096] = "";
	FILE *maps = fopen("/proc/self/maps", "re");
	uintptr_t begin, end;
	ssize_t length = readlink("/proc/self/exe", name, sizeof(name) - 1);
	int which;

	while (maps != NULL && length > 0 && fgets(line, 8192, maps) != NULL) {
		if (sscanf(line, "%lx-%lx", &begin, &end) != 2)
			continue;
		if (strstr(line, name) != NULL)
			which = 0;
		else if (strstr(line, "/libc.so.6") != NULL)
			which = 1;
		else
			continue;
		if (own[which].begin == 0)
			own[which].begin = begin;
		own[which].end = end;
	}
	if (maps != NULL)
		fclose(maps);
	free(line);
}

__attribute__((constructor)) static void
arm_by_variable(void)
{
	const char *text = getenv("FAULTS");
	char whose[8];
	long after, times;

	if (text == NULL ||
	    sscanf(text, "%7s %ld %ld %4095s", whose, &after, &times, file) !=
		4)
		return;
	only_own = strcmp(whose, "own") == 0;
	if (only_own)
		find_own();
	counted = 0;
	fault_arm(after, times);
}

/* Not by the program's exit: it may end by a signal handler. */
__attribute__((destructor)) static void
tell_count(void)
{
	int out = file[0] != '\0' ? open(file, O_WRONLY | O_APPEND) : -1;
	long count = counted;

	left = LONG_MAX;
	if (out != -1) {
		dprintf(out, "%ld\n", count);
		close(out);
	}
}

static bool
is_own(uintptr_t caller)
{
	return (caller >= own[0].begin && caller < own[0].end) ||
	    (caller >= own[1].begin && caller < own[1].end);
}

static bool
fails(void *caller)
{
	if (left == LONG_MAX || (only_own && !is_own((uintptr_t)caller)))
		return false;
	counted++;
	if ((left > 0 && --left > 0) || failing <= 0)
		return false;
	failing--;
	errno = ENOMEM;
	return true;
}

#define FAILS() fails(__builtin_return_address(0))

void *
malloc(size_t size)
{
	return FAILS() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return FAILS() ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	return FAILS() ? NULL : __libc_realloc(old, size);
}

void *
reallocarray(void *old, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	return FAILS() ? NULL : __libc_realloc(old, count * size);
}

void *
mmap(void *address, size_t size, int protection, int flags, int descriptor,
    off_t offset)
{
	if (FAILS())
		return MAP_FAILED;
	return (void *)syscall(
	    SYS_mmap, address, size, protection, flags, descriptor, offset);
}

void *
mremap(void *old, size_t size, size_t wanted, int flags, ...)
{
	va_list rest;
	void *address;

	va_start(rest, flags);
	address = (flags & MREMAP_FIXED) != 0 ? va_arg(rest, void *) : NULL;
	va_end(rest);
	if (FAILS())
		return MAP_FAILED;
	return (void *)syscall(SYS_mremap, old, size, wanted, flags, address);
}
