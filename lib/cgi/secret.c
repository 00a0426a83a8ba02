/* Words of names, and where a value ends. */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cgi/secret.h"

#define SEPARATORS "&;?, \t"

static bool
contains(const char *name, size_t length, const char *word, size_t word_length)
{
	for (; length >= word_length; name++, length--)
		if (strncasecmp(name, word, word_length) == 0)
			return true;
	return false;
}

bool
secret_is_named(const char *name, size_t length)
{
	const char *word = SECRET_WORDS;
	size_t size;

	for (; *word != '\0'; word += size + (word[size] == '|')) {
		size = strcspn(word, "|");
		if (contains(name, length, word, size))
			return true;
	}
	return false;
}

/* A quoted value ends with its quote; what is in brackets is all of it. */
static size_t
value_length(const char *value)
{
	const char *end;

	if (*value == '"' || *value == '\'') {
		end = strchr(value + 1, *value);
		return end != NULL ? (size_t)(end + 1 - value) : strlen(value);
	}
	return *value != '\0' && strchr("[({<", *value)
	    ? strlen(value)
	    : strcspn(value, SEPARATORS);
}

/* The password in //user:password@host at the second slash, or 0 bytes. */
static size_t
find_password(const char *slash, const char **password)
{
	size_t length = strcspn(slash + 1, "/?# \t@");
	const char *colon = memchr(slash + 1, ':', length);

	if (slash[1 + length] != '@' || colon == NULL)
		return 0;
	*password = colon + 1;
	return (size_t)(slash + 1 + length - *password);
}

/* Whether a value that is to be hidden follows, how long, and from where. */
static size_t
find_secret(const char *start, const char *at, const char **value)
{
	const char *name = at;

	if (*at == '/' && at > start && at[-1] == '/')
		return find_password(at, value);
	if (*at != '=' && *at != ':')
		return 0;
	while (name > start && strchr(SEPARATORS "=", name[-1]) == NULL)
		name--;
	if (!secret_is_named(name, (size_t)(at - name)))
		return 0;
	*value = at + 1 + strspn(at + 1, " \t");
	/* A header's value goes on to its end. */
	return *at == ':' && *value > at + 1 ? strlen(*value)
					     : value_length(*value);
}

char *
secret_hide(const char *text)
{
	const char *at, *value, *copied = text;
	char *hidden;
	size_t length;
	FILE *to = open_memstream(&hidden, &length);

	if (to == NULL)
		return NULL;
	for (at = text; *at != '\0'; at++)
		if ((length = find_secret(text, at, &value)) > 0) {
			fwrite(copied, 1, (size_t)(value - copied), to);
			fputs(SECRET_MASK, to);
			copied = value + length;
			at = copied - 1;
		}
	fputs(copied, to);
	return fclose(to) == 0 ? hidden : NULL;
}
