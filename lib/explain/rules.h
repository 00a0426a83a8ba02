/* What each variable means, and which rule says so. */
#ifndef EXPLAIN_RULES_H
#define EXPLAIN_RULES_H

#include <stddef.h>

struct rule {
	const char *name; /* a prefix, if it ends in '_' or '.' */
	const char *meaning;
	const char *source; /* a section, or whose variable it is */
};

enum rules_about {
	RULES_MEANING, /* what a variable means */
	RULES_OMISSION, /* why it is left out of environ */
	RULES_CHANGE, /* why environ has another value than the server's */
	RULES_ADDITION /* why environ has it although the server did not */
};

/* The rule about a variable; there is one for every name. */
const struct rule *rules_find(
    enum rules_about, const char *name, size_t length);

#endif
