/* What python/imports.c has watched, as a table. */

#include <stdint.h>
#include <stdlib.h>

#include "explain/imported.h"
#include "explain/text.h"
#include "python/imports.h"

#define ROWS 20
#define DEEPEST 12 /* what is deeper is not indented any further */

static int
compare_longest_first(const void *one, const void *other)
{
	int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;

	return (a < b) - (a > b);
}

/* The time of the last of those that have a row; 0 if all have. */
static int64_t
find_shortest(size_t first, size_t count)
{
	int64_t *times, shortest = 0;
	size_t i;

	if (count <= ROWS || (times = malloc(count * sizeof(*times))) == NULL)
		return 0;
	for (i = 0; i < count; i++)
		times[i] = imports_get(first + i)->time;
	qsort(times, count, sizeof(*times), compare_longest_first);
	shortest = times[ROWS - 1];
	free(times);
	return shortest;
}

static void
tell_import(const struct import *import, int64_t longest)
{
	const struct text_module module = { .name = import->name,
		.depth = import->depth < DEEPEST ? import->depth : DEEPEST,
		.failed = import->failed,
		.all = (double)import->time / 1e6,
		.own = (double)(import->time - import->inside) / 1e6,
		.share = longest > 0 ? (double)import->time / (double)longest
				     : 0 };

	text_module(&module);
}

size_t
imported_tell(const char *title, size_t first)
{
	size_t count = imports_count() - first, i, told = 0;
	int64_t shortest = find_shortest(first, count), longest = 0, rest = 0;
	const struct import *import;

	if (count > 0) {
		text_paragraph(TEXT_PLAIN, 4, "%s", title);
		text_modules();
	}
	for (i = 0; i < count; i++)
		if (imports_get(first + i)->time > longest)
			longest = imports_get(first + i)->time;
	for (i = 0; i < count; i++) {
		import = imports_get(first + i);
		if (import->time >= shortest && told < ROWS) {
			tell_import(import, longest);
			told++;
		} else
			rest += import->time - import->inside;
	}
	if (told < count)
		text_paragraph(TEXT_PLAIN, 4,
		    "           %7.1f ms  %zu shorter ones", (double)rest / 1e6,
		    count - told);
	return count;
}
