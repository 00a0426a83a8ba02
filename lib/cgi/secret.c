/*
 * Names tell what is secret; a value is searched for names of its own. Where a
 * secret ends can often not be known: a password may have any character in it.
 * Then the rest is hidden, too.
 */

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/ascii.h"
#include "cgi/secret.h"
#include "cgi/url.h"

/* What stands before a name in a query, a header or JSON. */
#define BEFORE_NAME "&;?#, \t\r\n/'\"{[("

/* What secret_add() was told, and its base64. */
static struct {
	struct added {
		const char *name, *value;
	} * list;
	size_t count;
	bool begins[UCHAR_MAX + 1]; /* a value, with this byte */
} added;

enum { LEAST_WORD = 3, LEAST_PART = 6 }; /* bytes, see secret_add() */

static int
add_value(const char *name, const char *value)
{
	struct added *grown;

	if (value == NULL ||
	    (grown = realloc(added.list, (added.count + 1) * sizeof(*grown))) ==
		NULL)
		return -1;
	added.list = grown;
	added.list[added.count++] = (struct added){ name, value };
	added.begins[(unsigned char)*value] = true;
	return 0;
}

int
secret_add(const char *name, const char *value)
{
	size_t length, before;

	if (add_value(name, value) == -1)
		return -1;
	length = strlen(value);
	for (before = 0; length >= LEAST_PART && before < 3; before++)
		if (add_value(name, ascii_base64(value, length, before)) == -1)
			return -1;
	return 0;
}

/*
 * How many bytes spell this character: one, or three if it is encoded (%3D),
 * or five if it is encoded twice (%253D); two if it is a slash of JSON (\/);
 * 0 if something else stands there.
 */
static size_t
measure(const char *text, char wanted)
{
	char *end, digits[3];
	size_t length;

	if (*text == wanted)
		return 1;
	if (wanted == '/' && strncmp(text, "\\/", 2) == 0)
		return 2;
	if (*text != '%')
		return 0;
	length = strncmp(text, "%25", 3) == 0 ? 3 : 1;
	if (!ascii_is_hex_digit(text[length]) ||
	    !ascii_is_hex_digit(text[length + 1]))
		return 0;
	memcpy(digits, text + length, 2);
	digits[2] = '\0';
	return strtol(digits, &end, 16) == (unsigned char)wanted ? length + 2
								 : 0;
}

/*
 * How many bytes spell this value there, or 0. Base64 has other characters in
 * URLs (RFC 4648 5). escaped: as repr() and JSON write it.
 */
static size_t
measure_value(const char *at, const char *value, bool escaped)
{
	const char *end = at;
	size_t size;

	for (; *value != '\0'; value++, end += size) {
		if (escaped && *end == '\\' && end[1] == *value &&
		    strchr("\\'\"", *value) != NULL)
			size = 2;
		else if ((*value == ' ' && *end == '+') ||
		    (*value == '+' && *end == '-') ||
		    (*value == '/' && *end == '_'))
			size = 1;
		else if ((size = measure(end, *value)) == 0)
			return 0;
	}
	return (size_t)(end - at);
}

static bool
is_word_part(char c)
{
	return ascii_is_letter(c) || ascii_is_digit(c) || c == '_' ||
	    (unsigned char)c >= 0x80;
}

/* The length of the longest value of those that stands there, or 0. */
static size_t
measure_added(const char *start, const char *at)
{
	bool encoded = strchr("%\\+-_", *at) != NULL;
	size_t i, size, length, longest = 0;
	const char *value;
	int escaped;

	/* Mostly it is seen at once that none does. */
	if (!encoded && !added.begins[(unsigned char)*at])
		return 0;
	for (i = 0; i < added.count; i++)
		for (escaped = 0; escaped < 2; escaped++) {
			value = added.list[i].value;
			if (*value != *at && !encoded)
				break;
			size = strlen(value);
			length = measure_value(at, value, escaped);
			if (size >= LEAST_PART ||
			    (size >= LEAST_WORD &&
				(at == start || !is_word_part(at[-1])) &&
				!is_word_part(at[length])))
				longest = length > longest ? length : longest;
		}
	return longest;
}

static bool
is_added(const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < added.count; i++)
		if (strlen(added.list[i].name) == length &&
		    memcmp(added.list[i].name, name, length) == 0)
			return true;
	return false;
}

static bool
begins(const char *text, size_t length, const char *word)
{
	return strlen(word) <= length && ascii_begins(text, word, strlen(word));
}

/* A word begins in a name behind what is no letter, or as in userName. */
static bool
begins_word(const char *at)
{
	return !ascii_is_letter(at[-1]) || !ascii_is_letter(*at) ||
	    (ascii_lower(at[-1]) == at[-1] && ascii_lower(*at) != *at);
}

static bool
has_secret_word(const char *name, size_t length)
{
	static const char *const words[] = { SECRET_WORDS },
				 *const whole[] = { SECRET_WHOLE_WORDS };
	size_t size, i, j;

	for (i = 0; i < length; i++) {
		for (j = 0; j < sizeof(words) / sizeof(*words); j++)
			if (begins(name + i, length - i, words[j]))
				return true;
		for (j = 0; j < sizeof(whole) / sizeof(*whole); j++) {
			size = strlen(whole[j]);
			if (begins(name + i, length - i, whole[j]) &&
			    (i == 0 || begins_word(name + i)) &&
			    (i + size == length ||
				begins_word(name + i + size)))
				return true;
		}
	}
	return is_added(name, length);
}

bool
secret_is_named(const char *name, size_t length)
{
	static const char *const open[] = { "PWD", "OLDPWD",
		"SERVER_SIGNATURE" };
	size_t i;

	for (i = 0; i < sizeof(open) / sizeof(*open); i++)
		if (strlen(open[i]) == length &&
		    memcmp(open[i], name, length) == 0)
			return false;
	return has_secret_word(name, length);
}

/*
 * secret_is_named() for a name inside a value, where it may be percent-encoded.
 * PWD is a password there, as in the settings of a database.
 */
static bool
is_encoded_secret(const char *name, size_t length)
{
	char *decoded = strndup(name, length);
	bool secret = true;

	if (decoded != NULL) {
		url_decode(decoded);
		url_decode(decoded); /* as measure() reads it */
		secret = has_secret_word(decoded, strlen(decoded));
	}
	free(decoded);
	return secret;
}

/* The end of a value in a query: '&' and the next name, or the text's end. */
static const char *
find_next_pair(const char *value)
{
	const char *next = value;

	while ((next = strchr(next, '&')) != NULL) {
		next++;
		if (next[strcspn(next, "=& \t\r\n\"'")] == '=' && *next != '=')
			return next - 1;
	}
	return value + strlen(value);
}

/* One search of a text, from its beginning to its end. */
struct search {
	const char *text;
	const char *secret; /* where the one that was found begins */
	const char *after; /* the last '=' or ':': no secret's name is before */
	const char *sign, *stop; /* see find_sign() */
};

/*
 * Whether an '@' stands there or behind, before a login's end. Each byte is
 * looked at once, however many logins may begin.
 */
static bool
find_sign(struct search *search, const char *at)
{
	if (search->stop < at)
		search->stop = at + strcspn(at, " \t\r\n\"'<>");
	if (search->sign < at)
		search->sign = at;
	while (search->sign < search->stop && measure(search->sign, '@') == 0)
		search->sign++;
	return search->sign < search->stop;
}

/*
 * RFC 3986 3.2: //user:password@host, or //token@host. A password that was
 * not encoded may have '/' or '@' in it, so the last '@' counts, if there is
 * a ':' before the first '/'. Returns the end of what is to be hidden and sets
 * search->secret to its beginning, or returns NULL.
 */
static const char *
find_login(struct search *search, const char *authority)
{
	const char *c, *secret = authority, *end = NULL;
	bool in_authority = true;
	size_t size;

	search->secret = authority;
	/* An IPv6 address; or no login at all, which is seen at once. */
	if (*authority == '[' || !find_sign(search, authority))
		return NULL;
	for (c = authority; search->stop > c; c += size > 0 ? size : 1) {
		if ((size = measure(c, ':')) > 0 && secret == authority &&
		    in_authority)
			secret = c + size;
		else if ((size = measure(c, '@')) > 0 &&
		    (in_authority || secret > authority))
			end = c;
		else if (measure(c, '/') || *c == '?' || *c == '#') {
			if (secret == authority)
				break; /* no '@' counts any more */
			in_authority = false;
		}
	}
	search->secret = secret;
	return end;
}

/* The length of a scheme (RFC 9110 11.1) and a blank behind it, or 0. */
static size_t
measure_scheme(const char *start, const char *at)
{
	static const char *const schemes[] = { "BASIC", "BEARER", "DIGEST" };
	size_t i, size;

	if (at > start && (ascii_is_letter(at[-1]) || ascii_is_digit(at[-1])))
		return 0;
	for (i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		size = strlen(schemes[i]);
		if (ascii_begins(at, schemes[i], size) &&
		    (at[size] == ' ' || at[size] == '\t'))
			return size + 1;
	}
	return 0;
}

/* RFC 3986 3.2.3: what follows //host: if no login does. */
static bool
is_port(const char *start, const char *name, const char *value)
{
	return name >= start + 2 && strncmp(name - 2, "//", 2) == 0 &&
	    strchr("/?#", value[strspn(value, "0123456789")]) != NULL;
}

/* Before an '=' or ':' of that size a name ends; behind it is its value. */
static const char *
find_value(struct search *search, const char *at, size_t size)
{
	const char *name = at, *first = search->after;

	search->after = at + size;
	/* JSON and cookies may have a quote and blanks behind a name. */
	while (name > first && strchr(" \t'\"", name[-1]))
		name--;
	at += size;
	size = 0;
	while (name > first && !strchr(BEFORE_NAME "=", name[-1])) {
		name--;
		size++;
	}
	if (!is_encoded_secret(name, size) || is_port(search->text, name, at))
		return NULL;
	search->secret = at;
	return at[-1] == ':' ? at + strlen(at) : find_next_pair(at);
}

/*
 * Looks for a secret that begins at this place of the text. Returns where it
 * ends and sets search->secret to its first byte, or returns NULL.
 */
static const char *
find_secret(struct search *search, const char *at)
{
	size_t size;

	if ((size = measure_added(search->text, at)) > 0) {
		search->secret = at;
		return at + size;
	}
	if ((size = measure(at, '/')) > 0 && measure(at + size, '/') > 0)
		return find_login(search, at + size + measure(at + size, '/'));
	if ((size = measure_scheme(search->text, at)) > 0) {
		search->secret = at + size;
		return at + strlen(at);
	}
	if ((size = measure(at, '=')) > 0 || (size = measure(at, ':')) > 0)
		return find_value(search, at, size);
	return NULL;
}

char *
secret_hide(const char *value)
{
	struct search search = {
		.text = value, .after = value, .sign = value, .stop = value
	};
	/* A secret has one byte at least, and becomes four. */
	char *hidden = malloc(strlen(value) * strlen(SECRET_MASK) + 1),
	     *to = hidden;
	const char *at, *copied = value, *end;

	if (hidden == NULL)
		return NULL;
	for (at = value; *at != '\0'; at++) {
		end = find_secret(&search, at);
		if (end == NULL || end <= search.secret)
			continue;
		to = mempcpy(to, copied, (size_t)(search.secret - copied));
		to = stpcpy(to, SECRET_MASK);
		copied = end;
		at = end - 1;
	}
	strcpy(to, copied);
	return hidden;
}

char *
secret_show(const char *name, size_t length, const char *value)
{
	return secret_is_named(name, length) ? strdup(SECRET_MASK)
					     : secret_hide(value);
}
