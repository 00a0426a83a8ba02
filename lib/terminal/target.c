/* The path stays as it is sent: to decode it is a server's business. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cgi/report.h"
#include "terminal/target.h"
#include "cgi/url.h"

static const char http[] = "http://", https[] = "https://";

static char *
copy(const char *text, size_t length)
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

/* user:password@; what curl does without a password. */
static int
read_login(struct target *target, const char *text, size_t length)
{
	target->login = copy(text, length + 1);
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
	if ((target->authority = copy(authority, length)) == NULL ||
	    check_authority(target->authority, url) == -1)
		return -1;
	drop_port(target);
	return 0;
}

/* Leaves rest at the path. */
static int
read_host(struct target *target, const char **rest, const char *url)
{
	target->secure = strncasecmp(url, https, strlen(https)) == 0;
	if (*url == '/' || *url == '?')
		return (target->authority = copy("localhost", 9)) ? 0 : -1;
	if (!target->secure && strncasecmp(url, http, strlen(http)) != 0)
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
	char *encoded;
	size_t size, i;
	FILE *to = open_memstream(&encoded, &size);

	if (to == NULL)
		return report_no_memory();
	if (length == 0)
		putc('/', to);
	for (i = 0; i < length; i++)
		if ((unsigned char)path[i] < 0x80)
			putc(path[i], to);
		else
			fprintf(to, "%%%02x", (unsigned char)path[i]);
	if (fclose(to) != 0)
		return report_no_memory();
	target->path = encoded;
	remove_dots(encoded);
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
	target->query = copy(rest + 1, strcspn(rest + 1, "#"));
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
