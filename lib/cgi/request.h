/*
 * The variables of one request, taken out of the process environment so that
 * no child process and no library sees them (RFC 3875 4.1; httpoxy).
 */
#ifndef CGI_REQUEST_H
#define CGI_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

struct variable {
	const char *name; /* not NUL-terminated */
	size_t length; /* of the name */
	const char *value; /* NULL: withdrawn */
};

struct request {
	struct variable *variables; /* in the order of the environment */
	size_t count, room;
};

/*
 * Records every variable of the NULL-terminated environment and removes from
 * it those that describe the request. Strings stay borrowed from it.
 * Returns 0, or -1 without memory.
 */
int request_open(struct request *, char **environment);

/* The value of a meta-variable, the last if it was given twice, or NULL. */
const char *request_value(const struct request *, const char *name);

/* The same, or another text if it is absent or empty. */
const char *request_text(
    const struct request *, const char *name, const char *otherwise);

/* Whether SERVER_SOFTWARE begins like this. */
bool request_is_by(const struct request *, const char *server);

/* Whether the variable has this name. */
bool request_is_named(const struct variable *, const char *name);

/*
 * Replaces every value of a variable; NULL withdraws it. Neither string is
 * copied. Returns 0, or -1 without memory.
 */
int request_set(struct request *, const char *name, const char *value);

/* Whether a server sets this variable about the request (RFC 3875 4.1). */
bool request_is_meta(const char *name, size_t length);

/*
 * The index-th name in its list, NULL behind the last. One that ends in _ is
 * the beginning of names.
 */
const char *request_meta_name(size_t index);

/* The variable that shows that a web server started this process, or NULL. */
const char *request_find_sign(const struct request *);

/* Before request_open(): whether the process environment has such a one. */
bool request_is_there(void);

#endif
