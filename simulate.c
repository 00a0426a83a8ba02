/* The variables of RFC 3875 4.1 from a URL, as Apache would set them. */

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "simulate.h"
#include "url.h"

static const char *const fixed[][2] = {
	{ "GATEWAY_INTERFACE", "CGI/1.1" },
	{ "REMOTE_ADDR", "127.0.0.1" },
	{ "REQUEST_METHOD", "GET" },
	{ "SCRIPT_NAME", "" },
	{ "SERVER_PROTOCOL", "HTTP/1.1" },
	{ "SERVER_SOFTWARE", "cgi2wsgi/" VERSION },
};

static int
set(struct request *request, const char *name, const char *value)
{
	return value != NULL && request_set(request, name, value) == 0
	    ? 0
	    : report_fail(REPORT_SYSTEM, "out of memory");
}

static int
set_part(
    struct request *request, const char *name, const char *start, size_t length)
{
	return set(request, name, strndup(start, length));
}

/* host, host:port or [address]:port */
static int
set_authority(
    struct request *request, const char *authority, size_t length, bool secure)
{
	const char *port = secure ? "443" : "80";
	size_t host = length;

	while (host > 0 && isdigit((unsigned char)authority[host - 1]))
		host--;
	if (host > 0 && authority[host - 1] == ':' && host < length) {
		port = strndup(authority + host, length - host);
		length = host - 1;
	}
	if (set_part(request, "SERVER_NAME", authority, length) == -1 ||
	    set(request, "SERVER_PORT", port) == -1 ||
	    set(request, "REQUEST_SCHEME", secure ? "https" : "http") == -1)
		return -1;
	return secure ? set(request, "HTTPS", "on") : 0;
}

static int
set_host(struct request *request, const char **url)
{
	const char *authority = "localhost";
	bool secure = strncmp(*url, "https://", 8) == 0;
	size_t length = strlen(authority);

	if (**url != '/' && **url != '?') {
		if (!secure && strncmp(*url, "http://", 7) != 0)
			return report_fail(REPORT_USAGE,
			    "'%s' is no URL: it begins with '/', http:// or "
			    "https://",
			    *url);
		authority = *url + (secure ? 8 : 7);
		length = strcspn(authority, "/?#");
		*url = authority + length;
	}
	return set_part(request, "HTTP_HOST", authority, length) == -1
	    ? -1
	    : set_authority(request, authority, length, secure);
}

int
simulate_get(struct request *request, const char *url)
{
	size_t path, i;
	char *decoded;

	for (i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		if (set(request, fixed[i][0], fixed[i][1]) == -1)
			return -1;
	if (set_host(request, &url) == -1)
		return -1;
	path = strcspn(url, "?#");
	if ((decoded = strndup(path > 0 ? url : "/", path > 0 ? path : 1)))
		url_decode(decoded);
	if (set(request, "PATH_INFO", decoded) == -1 ||
	    set_part(request, "REQUEST_URI", url, strcspn(url, "#")) == -1)
		return -1;
	url += path;
	return *url != '?'
	    ? set(request, "QUERY_STRING", "")
	    : set_part(request, "QUERY_STRING", url + 1, strcspn(url + 1, "#"));
}
