/* The path stays encoded, as in a request: environ.c decodes it. */

#include <stdlib.h>
#include <string.h>

#include "cgi/ascii.h"
#include "cgi/buffer.h"
#include "cgi/report.h"
#include "cgi/url.h"
#include "terminal/target.h"

static const char http[] = "http://", https[] = "https://";

static char *
copy_part(const char *text, size_t length)
{
	char *part = strndup(text, length);

	if (part == NULL)
		report_no_memory();
	return part;
}

static int
check_url(const char *url)
{
	const char *c;

	for (c = url; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return report_fail(REPORT_USAGE,
			    "'%s' is no URL: write a blank as %%20", url);
	return 0;
}

const char *
target_port(const char *authority, size_t *host_length)
{
	const char *colon = strrchr(authority, ':');

	*host_length = strlen(authority);
	if (colon == NULL || strchr(colon, ']') != NULL)
		return NULL;
	*host_length = (size_t)(colon - authority);
	return colon + 1;
}

static int
check_authority(const char *authority, const char *url)
{
	size_t host;
	const char *port = target_port(authority, &host);

	if (host == 0)
		return report_fail(REPORT_USAGE, "'%s' has no host", url);
	if (port != NULL &&
	    (strlen(port) > 5 || strspn(port, "0123456789") < strlen(port) ||
		atoi(port) > 65535))
		return report_fail(
		    REPORT_USAGE, "'%s' has no port from 0 to 65535", url);
	return 0;
}

/* RFC 9110 4.2: a default port is left out. */
static void
drop_port(struct target *target)
{
	size_t host;
	const char *port = target_port(target->authority, &host);

	if (port != NULL &&
	    (*port == '\0' || atoi(port) == (target->secure ? 443 : 80)))
		target->authority[host] = '\0';
}

/* user:password@, or user@ with an empty password, as curl has it. */
static int
read_login(struct target *target, const char *text, size_t length)
{
	target->login = copy_part(text, length + 1);
	if (target->login == NULL)
		return -1;
	target->login[length] = '\0';
	if (memchr(text, ':', length) == NULL)
		strcpy(target->login + length, ":");
	url_decode(target->login);
	return 0;
}

static int
read_authority(struct target *target, const char **rest, const char *url)
{
	const char *authority = *rest, *at;
	size_t length = strcspn(authority, "/?#");

	*rest += length;
	at = memrchr(authority, '@', length);
	if (at != NULL) {
		if (read_login(target, authority, (size_t)(at - authority)) ==
		    -1)
			return -1;
		length -= (size_t)(at + 1 - authority);
		authority = at + 1;
	}
	if ((target->authority = copy_part(authority, length)) == NULL ||
	    check_authority(target->authority, url) == -1)
		return -1;
	drop_port(target);
	return 0;
}

/* Leaves rest at the path. */
static int
read_host(struct target *target, const char **rest, const char *url)
{
	target->secure = ascii_begins(url, https, strlen(https));
	if (*url == '/' || *url == '?')
		return (target->authority = copy_part("localhost", 9)) ? 0 : -1;
	if (!target->secure && !ascii_begins(url, http, strlen(http)))
		return report_fail(REPORT_USAGE,
		    "'%s' is no URL: it begins with '/', http:// or https://",
		    url);
	*rest += strlen(target->secure ? https : http);
	return read_authority(target, rest, url);
}

/* RFC 3986 5.2.4, as every client does before it asks. */
static void
remove_dots(char *path)
{
	const char *dot = path;
	size_t dots;

	while ((dot = strstr(dot, "/.")) != NULL) {
		dots = strspn(dot + 1, ".");
		dot += 1 + dots;
		if (dots <= 2 && (*dot == '/' || *dot == '\0'))
			break;
	}
	if (dot != NULL)
		url_normalize(path);
}

/* Takes the path, which a browser would encode as well as curl. */
static int
read_path(struct target *target, const char *path, size_t length)
{
	struct buffer encoded = { 0 };
	size_t i;

	if (length == 0)
		buffer_add_byte(&encoded, '/');
	for (i = 0; i < length; i++)
		if ((unsigned char)path[i] < 0x80)
			buffer_add_byte(&encoded, path[i]);
		else
			buffer_print(
			    &encoded, "%%%02x", (unsigned char)path[i]);
	target->path = buffer_take(&encoded, NULL);
	if (target->path == NULL)
		return report_no_memory();
	remove_dots(target->path);
	return 0;
}

int
target_read(struct target *target, const char *url)
{
	const char *rest = url;
	size_t length;

	*target = (struct target){ 0 };
	if (check_url(url) == -1 || read_host(target, &rest, url) == -1)
		return -1;
	length = strcspn(rest, "?#");
	if (read_path(target, rest, length) == -1)
		return -1;
	rest += length;
	if (*rest != '?')
		return 0;
	target->query = copy_part(rest + 1, strcspn(rest + 1, "#"));
	return target->query != NULL ? 0 : -1;
}

void
target_free(struct target *target)
{
	free(target->authority);
	free(target->login);
	free(target->path);
	free(target->query);
}
