/* What each variable means, and which rule says so. */
#ifndef EXPLAIN_RULES_H
#define EXPLAIN_RULES_H

#include <stddef.h>

struct rule {
	const char *name; /* a prefix, if it ends in '_' or '.' */
	const char *meaning;
	const char *source; /* a section, or whose variable it is */
};

/* What a variable means; there is a rule for every name. */
const struct rule *rules_meaning(const char *name, size_t length);

/* Why a variable is left out of environ. */
const struct rule *rules_omission(const char *name, size_t length);

/* Why a variable is in environ with another value than the server's. */
const struct rule *rules_change(const char *name, size_t length);

/* Why a variable is in environ that the server did not give. */
const struct rule *rules_addition(const char *name, size_t length);

#endif
