/*
 * Links that an application builds start with SCRIPT_NAME. Servers that
 * redirect inside set it to the program's or the script's own path, not to
 * the one that the client sees.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/mount.h"
#include "cgi/report.h"
#include "cgi/url.h"

/* SCRIPT_NAME and PATH_INFO as two pieces of text, possibly one in another. */
struct mount {
	const char *script, *path;
	size_t script_length;
};

/* The decoded path of REQUEST_URI, if it is a path or a whole URL, or NULL. */
static char *
uri_path(const struct request *request)
{
	const char *uri = request_value(request, "REQUEST_URI");
	const char *authority;
	char *path;

	if (uri == NULL)
		return NULL;
	if (*uri != '/' && (authority = strstr(uri, "://")) != NULL)
		uri = authority + 3 + strcspn(authority + 3, "/?");
	if (*uri != '/' && strchr("?#", *uri) == NULL)
		return NULL;
	path = strchr("?#", *uri) ? strdup("/")
				  : strndup(uri, strcspn(uri, "?#"));
	if (path != NULL)
		url_decode(path);
	return path;
}

static bool
starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return tail <= length && strcmp(text + length - tail, end) == 0;
}

/* Whether prefix is text or a whole number of its segments. */
static bool
is_above(const char *prefix, const char *text)
{
	return starts_with(text, prefix) &&
	    strchr("/", text[strlen(prefix)]) != NULL;
}

/* Sets a variable, which takes the text over, and keeps what it was. */
static int
replace(struct request *request, const char *name, const char *kept, char *text)
{
	const char *before = request_text(request, name, "");

	if (text != NULL && strcmp(before, text) == 0) {
		free(text);
		return 0;
	}
	if (request_set(request, name, text) == -1)
		return -1;
	return request_set(request, kept, before);
}

static int
place(struct request *request, const struct mount *mount)
{
	char *script = strndup(mount->script, mount->script_length);
	char *path = strdup(mount->path);

	if (script == NULL || path == NULL ||
	    replace(request, "SCRIPT_NAME", "cgi2wsgi.script_name", script) ==
		-1) {
		free(path);
		return -1;
	}
	return replace(request, "PATH_INFO", "cgi2wsgi.path_info", path);
}

/*
 * Django takes its script name from SCRIPT_URL or REDIRECT_URL, less the
 * length of PATH_INFO, after it has squeezed double slashes.
 */
static int
agree(struct request *request, const char *name, const char *kept)
{
	const char *script = request_text(request, "SCRIPT_NAME", ""),
		   *path = request_text(request, "PATH_INFO", "");
	char *whole;

	if (request_value(request, name) == NULL)
		return 0;
	if ((whole = malloc(strlen(script) + strlen(path) + 1)) == NULL)
		return -1;
	strcpy(stpcpy(whole, script), path);
	if (strstr(whole, "//") != NULL) {
		free(whole);
		whole = NULL;
	}
	return replace(request, name, kept, whole);
}

/* lighttpd's error-handler-404 loses the query. */
static int
restore_query(struct request *request)
{
	const char *query = strchr(
	    request_text(request, "REQUEST_URI", ""), '?');

	if (query == NULL || *request_text(request, "QUERY_STRING", "") != '\0')
		return 0;
	return replace(request, "QUERY_STRING", "cgi2wsgi.query_string",
	    strdup(query + 1));
}

/* --script-name: the path behind the prefix, as the client wrote it. */
static int
mount_at(struct request *request, const char *prefix)
{
	struct mount mount = { .script = prefix };
	char *path = uri_path(request);
	int result;

	mount.script_length = strlen(prefix);
	while (
	    mount.script_length > 0 && prefix[mount.script_length - 1] == '/')
		mount.script_length--;
	mount.path = request_text(request, "PATH_INFO", "");
	if (path != NULL && strncmp(path, prefix, mount.script_length) == 0 &&
	    strchr("/", path[mount.script_length]) != NULL) {
		mount.path = path + mount.script_length;
		if (restore_query(request) == -1)
			return -1;
	} else
		report_log(REPORT_SCRIPT_NAME,
		    "--script-name %s is not the beginning of REQUEST_URI '%s'",
		    prefix, request_text(request, "REQUEST_URI", ""));
	result = place(request, &mount);
	free(path);
	return result;
}

/*
 * Apache's Action: PATH_INFO is the script's URL path with the script's own
 * path information behind it.
 */
static bool
find_action(
    const struct request *request, const char *tail, struct mount *mount)
{
	const char *info = request_text(request, "PATH_INFO", "");

	if (!ends_with(info, tail))
		return false;
	mount->script = info;
	mount->script_length = strlen(info) - strlen(tail);
	mount->path = info + mount->script_length;
	return true;
}

/*
 * What the client asked for ends in PATH_INFO: before it is the mount, of
 * which Apache's own words leave no doubt. REQUEST_URI may be written in other
 * ways than a server reads it, so there only a script's name may vanish.
 */
static bool
find_front(
    const struct request *request, const char *asked, struct mount *mount)
{
	const char *script = request_text(request, "SCRIPT_NAME", ""),
		   *info = request_text(request, "PATH_INFO", ""),
		   *apache = request_value(request, "REDIRECT_URL");
	size_t length;

	if (apache == NULL)
		apache = request_value(request, "SCRIPT_URL");
	if (apache != NULL)
		asked = apache;
	if (asked == NULL || *info != '/' || !ends_with(asked, info))
		return false;
	length = strlen(asked) - strlen(info);
	while (length > 0 && asked[length - 1] == '/')
		length--;
	mount->script = asked;
	mount->script_length = length;
	mount->path = info;
	return apache != NULL ||
	    (strncmp(asked, script, length) == 0 && script[length] == '/');
}

/*
 * nginx's try_files and SSI: SCRIPT_NAME and PATH_INFO contain each other,
 * and the client did not ask for both behind each other.
 */
static bool
find_nested(
    const struct request *request, const char *asked, struct mount *mount)
{
	const char *script = request_text(request, "SCRIPT_NAME", ""),
		   *info = request_text(request, "PATH_INFO", "");
	bool included = strcmp(request_text(request, "SERVER_PROTOCOL", ""),
			    "INCLUDED") == 0;

	mount->script = script;
	if (*info == '/' && ends_with(script, info) &&
	    (included || (asked != NULL && strcmp(asked, script) == 0))) {
		mount->script_length = strlen(script) - strlen(info);
		mount->path = info;
		return true;
	}
	mount->script_length = strlen(script);
	if (*script == '\0' || !is_above(script, info) || asked == NULL ||
	    strcmp(asked, info) != 0)
		return false;
	mount->path = info + mount->script_length;
	return true;
}

static bool
is_error_page(const struct request *request)
{
	const char *status = request_text(request, "REDIRECT_STATUS", "");

	return *status != '\0' && strcmp(status, "200") != 0;
}

static int
repair(struct request *request, const char *action_tail)
{
	struct mount mount;
	bool found = false;
	char *path;
	int result = 0, i;

	if (action_tail != NULL)
		return find_action(request, action_tail, &mount)
		    ? place(request, &mount)
		    : 0;
	if (is_error_page(request))
		return 0;
	path = uri_path(request);
	/* Not every server takes out empty and dot segments. */
	for (i = 0; i < 2 && !found; i++) {
		if (i > 0 && path != NULL)
			url_normalize(path);
		found = find_nested(request, path, &mount) ||
		    find_front(request, path, &mount);
	}
	if (found)
		result = place(request, &mount);
	free(path);
	return result;
}

int
mount_repair(
    struct request *request, const char *prefix, const char *action_tail)
{
	if (prefix != NULL && strcmp(prefix, "off") == 0)
		return 0;
	if ((prefix != NULL ? mount_at(request, prefix)
			    : repair(request, action_tail)) == -1)
		return -1;
	return agree(request, "SCRIPT_URL", "cgi2wsgi.script_url") == -1
	    ? -1
	    : agree(request, "REDIRECT_URL", "cgi2wsgi.redirect_url");
}
