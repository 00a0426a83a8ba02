/* The path stays encoded, as in a request: environ.c decodes it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/alloc.h"
#include "cgi/ascii.h"
#include "cgi/report.h"
#include "cgi/url.h"
#include "terminal/target.h"

static const char http[] = "http://", https[] = "https://";

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
read_authority(struct target *target, const char *authority, size_t length,
    const char *url)
{
	const char *port, *at = memrchr(authority, '@', length);
	size_t host;

	if (at != NULL) {
		host = (size_t)(at - authority);
		/* Without a password it is empty, as curl has it. */
		target->login = alloc_print("%.*s%s", (int)host, authority,
		    memchr(authority, ':', host) == NULL ? ":" : "");
		url_decode(target->login);
		length -= host + 1;
		authority = at + 1;
	}
	target->authority = alloc_part(authority, length);
	port = target_port(target->authority, &host);
	if (host == 0)
		return report_fail(REPORT_USAGE, "'%s' has no host", url);
	if (port == NULL)
		return 0;
	if (strlen(port) > 5 || strspn(port, "0123456789") < strlen(port) ||
	    atoi(port) > 65535)
		return report_fail(
		    REPORT_USAGE, "'%s' has no port from 0 to 65535", url);
	/* RFC 9110 4.2: a default port is left out. */
	if (*port == '\0' || atoi(port) == (target->secure ? 443 : 80))
		target->authority[host] = '\0';
	return 0;
}

/* Leaves rest at the path. */
static int
read_host(struct target *target, const char **rest, const char *url)
{
	size_t length;

	target->secure = ascii_begins(url, https, strlen(https));
	if (*url == '/' || *url == '?') {
		target->authority = alloc_text("localhost");
		return 0;
	}
	if (!target->secure && !ascii_begins(url, http, strlen(http)))
		return report_fail(REPORT_USAGE,
		    "'%s' is no URL: it begins with '/', http:// or https://",
		    url);
	*rest += strlen(target->secure ? https : http);
	length = strcspn(*rest, "/?#");
	*rest += length;
	return read_authority(target, *rest - length, length, url);
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

/* The path, which a browser would encode as well as curl. */
static char *
copy_path(const char *path, size_t length)
{
	char *encoded = alloc_items(NULL, 3, length + 1), *to = encoded;
	size_t i;

	for (i = 0; i < length; i++)
		if ((unsigned char)path[i] < 0x80)
			*to++ = path[i];
		else
			to += sprintf(to, "%%%02x", (unsigned char)path[i]);
	strcpy(to, length == 0 ? "/" : "");
	remove_dots(encoded);
	return encoded;
}

int
target_read(struct target *target, const char *url)
{
	const char *rest = url, *c;
	size_t length;

	*target = (struct target){ 0 };
	for (c = url; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return report_fail(REPORT_USAGE,
			    "'%s' is no URL: write a blank as %%20", url);
	if (read_host(target, &rest, url) == -1)
		return -1;
	length = strcspn(rest, "?#");
	target->path = copy_path(rest, length);
	rest += length;
	if (*rest == '?')
		target->query = alloc_part(rest + 1, strcspn(rest + 1, "#"));
	return 0;
}

void
target_free(struct target *target)
{
	free(target->authority);
	free(target->login);
	free(target->path);
	free(target->query);
}
