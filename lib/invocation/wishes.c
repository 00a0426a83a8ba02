/* A list; simulate, upload and client know what its letters mean. */

#include <stdlib.h>

#include "cgi/report.h"
#include "invocation/wishes.h"

int
wishes_append(struct wishes *wishes, int letter, const char *value)
{
	struct wish *grown = realloc(
	    wishes->wish, ((size_t)wishes->count + 1) * sizeof(*grown));

	if (grown == NULL)
		return report_no_memory();
	grown[wishes->count++] = (struct wish){ .letter = letter,
		.value = value };
	wishes->wish = grown;
	return 0;
}

const struct wish *
wishes_last(const struct wishes *wishes, int letter)
{
	int i;

	for (i = wishes->count; i-- > 0;)
		if (wishes->wish[i].letter == letter)
			return &wishes->wish[i];
	return NULL;
}
