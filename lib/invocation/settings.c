/* A list; which of its variables reach the process is not decided here. */

#include <stdlib.h>
#include <string.h>

#include "cgi/report.h"
#include "invocation/settings.h"

int
settings_append(struct settings *settings, const char *text)
{
	const char *equals = strchr(text, '=');
	struct setting *grown;
	char *name, *value;

	if (equals == NULL || equals == text)
		return 0;
	grown = realloc(
	    settings->list, ((size_t)settings->count + 1) * sizeof(*grown));
	if (grown != NULL)
		settings->list = grown;
	name = strndup(text, (size_t)(equals - text));
	value = strdup(equals + 1);
	if (grown == NULL || name == NULL || value == NULL) {
		free(name);
		free(value);
		return report_no_memory();
	}
	grown[settings->count++] = (struct setting){ name, value };
	return 1;
}

bool
settings_have(const struct settings *settings, const char *name)
{
	int i;

	for (i = 0; i < settings->count; i++)
		if (strcmp(settings->list[i].name, name) == 0)
			return true;
	return false;
}
