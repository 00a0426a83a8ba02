/*
 * System calls without a libc, for x86-64 and arm64. Each returns what the
 * kernel does: from -4095 to -1 it is an error's negative number.
 */
#ifndef IMAGE_RAW_H
#define IMAGE_RAW_H

#include <asm/unistd.h>

long raw_call(long number, long a, long b, long c, long d, long e, long f);

#define raw_call_4(n, a, b, c, d) \
	raw_call(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define raw_call_6(n, a, b, c, d, e, f) \
	raw_call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), \
	    (long)(f))

#endif
