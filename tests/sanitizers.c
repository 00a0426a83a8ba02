/*
 * Linked into the sanitizer build: the tests run the program with exactly the
 * environment of a request, so that the settings can't come from there.
 */

#include <stdlib.h>

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *
__asan_default_options(void)
{
	/*
	 * The program handles fatal signals itself, and the tests measure how
	 * much memory it needs.
	 */
	return "detect_leaks=1:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:"
	       "handle_sigill=0:handle_abort=0:detect_stack_use_after_return=1:"
	       "quarantine_size_mb=4";
}

const char *
__ubsan_default_options(void)
{
	return "halt_on_error=1:print_stacktrace=1";
}

const char *
__lsan_default_options(void)
{
	return "print_suppressions=0";
}

/*
 * CPython, the settings of libraries that applications import, and words and
 * names that options point into stay until the process ends.
 */
const char *
__lsan_default_suppressions(void)
{
	return "leak:^_Py\nleak:^Py\nleak:^tracemalloc\nleak:^list_pop\n"
	       "leak:libpython\nleak:libcrypto\nleak:libssl\nleak:libxml2\n"
	       "leak:libxslt\nleak:libexslt\nleak:xapian\n"
	       "leak:^words_\nleak:^settings_append$\nleak:^use_name$\n";
}
