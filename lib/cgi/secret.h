/* What nobody else should read: values whose names smell of a secret. */
#ifndef CGI_SECRET_H
#define CGI_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Kept in step with the manual's description of --debug. */
#define SECRET_WORDS "KEY|TOKEN|PASSWORD|SECRET|AUTH|COOKIE"
#define SECRET_MASK "****"

/* Whether a name has one of the words in it, in any case. */
bool secret_is_named(const char *name, size_t length);

/*
 * A text without the secrets in it: what follows such a name with '=' or ':',
 * and the password of a URL. Returns memory to be freed, or NULL.
 */
char *secret_hide(const char *text);

#endif
