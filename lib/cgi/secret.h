/* What nobody else should read: values whose names say that they are secret. */
#ifndef CGI_SECRET_H
#define CGI_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Names of secrets contain one of these words; one of the second list only
 * where it is not part of a longer word. The manual has them under --debug.
 */
#define SECRET_WORDS \
	"KEY", "TOKEN", "PASS", "PWD", "SECRET", "AUTH", "COOKIE", "SESSION", \
	    "CREDENTIAL", "SIGNATURE", "JWT", "CSRF", "SESSID"
#define SECRET_WHOLE_WORDS "SIG", "SID", "PIN", "OTP", "PW", "CREDS"
#define SECRET_MASK "****"

/*
 * Whether a name has one of the words in it, in any ASCII case. PWD and OLDPWD
 * themselves are the shell's folders, and SERVER_SIGNATURE is Apache's version.
 */
bool secret_is_named(const char *name, size_t length);

/*
 * From now on this name is a secret's, too, and the value is one wherever it
 * stands: also encoded for a URL or as base64, or as repr() and JSON write it.
 * 3 to 5 bytes are one only where they are a word of their own, fewer never.
 * Both stay borrowed. Returns 0, or -1 without memory.
 */
int secret_add(const char *name, const char *value);

/*
 * A value as it may be shown: masked as a whole if its name is a secret's,
 * otherwise as secret_hide() has it. Returns memory to be freed, or NULL.
 */
char *secret_show(const char *name, size_t length, const char *value);

/*
 * A value without the secrets inside it: the user and password of a URL, what
 * follows a secret's name with '=' (a query) or ':' (a header, JSON), also
 * where these are percent-encoded, and what follows Basic, Bearer or Digest.
 * In doubt it hides more. It is for values, not for what repr() makes of them:
 * quotes and brackets mean nothing to it. Returns memory to be freed, or NULL.
 */
char *secret_hide(const char *value);

#endif
