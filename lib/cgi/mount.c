/*
 * Links that an application builds start with SCRIPT_NAME. Servers that
 * rewrite a URL or redirect inside set it to the script's own path, not to
 * the one that the client sees. What the client asked for is in REQUEST_URI;
 * only the server's own variables are read here, no header of the client's.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/mount.h"
#include "cgi/report.h"
#include "cgi/url.h"

/* SCRIPT_NAME and PATH_INFO, in memory of our own; NULL without memory. */
struct mount {
	char *script, *path;
};

/* The path that the client asked for, as different variables tell it. */
struct asked {
	char *paths[4]; /* the surest first */
	size_t count;
};

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

/* Whether the first bytes of prefix are text or whole segments of it. */
static bool
is_above(const char *prefix, size_t length, const char *text)
{
	return strncmp(text, prefix, length) == 0 &&
	    (text[length] == '/' || text[length] == '\0');
}

static void
strip_slashes(char *path)
{
	size_t length = strlen(path);

	while (length > 0 && path[length - 1] == '/')
		path[--length] = '\0';
}

/*
 * Allocates the decoded path of REQUEST_URI, which may also be a whole URL
 * (RFC 9112 3.2.2), or "*" or "host:port": NULL. Returns 0, or -1 without
 * memory.
 */
static int
read_uri(const struct request *request, char **path)
{
	const char *uri = request_text(request, "REQUEST_URI", "");
	size_t scheme = strcspn(uri, ":/?#");

	*path = NULL;
	if (scheme > 0 && starts_with(uri + scheme, "://")) {
		uri += scheme + strlen("://");
		uri += strcspn(uri, "/?#");
		if (*uri != '/')
			uri = "/";
	}
	if (*uri != '/')
		return 0;
	if ((*path = strndup(uri, strcspn(uri, "?#"))) == NULL)
		return -1;
	url_decode(*path);
	return 0;
}

/* Server-side includes: REQUEST_URI is the page's that includes the script. */
static bool
is_included(const struct request *request)
{
	return strcmp(request_text(request, "SERVER_PROTOCOL", ""),
		   "INCLUDED") == 0;
}

/* Adds a copy of a path. */
static int
add_asked(struct asked *asked, const char *path)
{
	char *copy = strdup(path);

	if (copy == NULL)
		return -1;
	asked->paths[asked->count++] = copy;
	return 0;
}

/*
 * Collects what the client asked for: REQUEST_URI as it was written and as
 * most servers read it, then Apache's variables. REDIRECT_URL comes last:
 * after several rewritings it names a step in between.
 */
static int
collect_asked(const struct request *request, struct asked *asked)
{
	const char *script_url = request_text(request, "SCRIPT_URL", ""),
		   *redirect_url = request_text(request, "REDIRECT_URL", "");
	char *uri;

	if (!is_included(request)) {
		if (read_uri(request, &uri) == -1)
			return -1;
		if (uri != NULL) {
			asked->paths[asked->count++] = uri;
			if (add_asked(asked, uri) == -1)
				return -1;
			url_normalize(asked->paths[1]);
		}
		if (*script_url == '/' && add_asked(asked, script_url) == -1)
			return -1;
	}
	return *redirect_url == '/' ? add_asked(asked, redirect_url) : 0;
}

static void
free_asked(struct asked *asked)
{
	while (asked->count > 0)
		free(asked->paths[--asked->count]);
}

/*
 * What of asked lies below a prefix of so many bytes: as the client wrote it,
 * double slashes and all, unless dot segments lead out of there and back.
 * Returns 1 with memory in rest, 0 if asked is elsewhere, -1 without memory.
 */
static int
path_below(const char *prefix, size_t length, const char *asked, char **rest)
{
	char *whole = strdup(asked), *written = NULL;
	int result = -1;

	*rest = NULL;
	if (whole == NULL)
		return -1;
	url_normalize(whole);
	if (!is_above(prefix, length, whole)) {
		free(whole);
		return 0;
	}
	/* An empty text would have no room for url_normalize()'s slash. */
	if (is_above(prefix, length, asked) && asked[length] == '/') {
		if ((written = strdup(asked + length)) == NULL)
			goto done;
		url_normalize(written);
		if (strcmp(written, whole + length) == 0)
			*rest = strdup(asked + length);
	}
	if (*rest == NULL)
		*rest = strdup(whole + length);
	if (*rest != NULL)
		result = 1;
done:
	free(written);
	free(whole);
	return result;
}

/* A slash between script and path belongs to the path (RFC 3875 4.1.5). */
static int
move_slash(struct mount *mount)
{
	char *path;

	strip_slashes(mount->script);
	if (*mount->path == '/')
		return 0;
	if ((path = malloc(strlen(mount->path) + 2)) == NULL)
		return -1;
	*path = '/';
	strcpy(path + 1, mount->path);
	free(mount->path);
	mount->path = path;
	return 0;
}

/* Apache's MultiViews: the client asked for app and got app.cgi. */
static bool
is_completed(const char *script, const char *asked)
{
	size_t length = strlen(asked);

	return starts_with(script, asked) && asked[length - 1] != '/' &&
	    script[length] == '.' && strchr(script + length, '/') == NULL;
}

/*
 * The script is in quite another folder than what was asked for: a script of
 * this name, or a folder above it that has the script as its index.
 */
static int
find_elsewhere(struct mount *mount, const struct asked *asked)
{
	const char *slash = strrchr(mount->script, '/');
	char *whole;
	int result = 0;

	if (asked->count == 0 || slash == NULL)
		return 0;
	if ((whole = strdup(asked->paths[0])) == NULL)
		return -1;
	url_normalize(whole);
	if (ends_with(whole, slash)) {
		free(mount->script);
		mount->script = whole;
		return 0;
	}
	if (ends_with(whole, "/") && starts_with(mount->script, whole)) {
		mount->script[strlen(whole) - 1] = '\0';
		result = move_slash(mount);
	}
	free(whole);
	return result;
}

/*
 * PATH_INFO is missing. It is what was asked for below the script. Or, where
 * a rewriting (WordPress's rule), FallbackResource, try_files or an index file
 * led to the script, below the script's folder. Returns 0 or -1.
 */
static int
find_path(struct mount *mount, const struct asked *asked, bool rewritten)
{
	const char *script = mount->script;
	const char *slash = strrchr(script, '/');
	size_t folder = slash != NULL ? (size_t)(slash - script) : 0, i;
	int found = 0;
	char *rest;

	for (i = 0; i < asked->count && found == 0; i++) {
		if (!rewritten && is_completed(script, asked->paths[i])) {
			mount->script[strlen(asked->paths[i])] = '\0';
			return 0;
		}
		found = path_below(
		    script, strlen(script), asked->paths[i], &rest);
		if (found == 0 && folder < strlen(script) &&
		    (found = path_below(
			 script, folder, asked->paths[i], &rest)) == 1)
			mount->script[folder] = '\0';
	}
	if (found == 0)
		return find_elsewhere(mount, asked);
	if (found == 1) {
		free(mount->path);
		mount->path = rest;
	}
	return found == 1 ? 0 : -1;
}

/*
 * If asked ends in path, the script is what precedes. It is tidied, so that
 * no client's "//host/.." gets to the beginning of a link. Returns like
 * path_below().
 */
static int
cut_script(struct mount *mount, const char *asked, const char *path)
{
	char *script;

	if (*path != '/' || !ends_with(asked, path))
		return 0;
	script = strndup(asked, strlen(asked) - strlen(path));
	if (script == NULL)
		return -1;
	if (*script != '\0')
		url_normalize(script);
	strip_slashes(script);
	free(mount->script);
	mount->script = script;
	return 1;
}

/* Whether script and path behind each other are what was asked for. */
static bool
is_right(const struct mount *mount, const char *asked)
{
	return starts_with(asked, mount->script) &&
	    strcmp(asked + strlen(mount->script), mount->path) == 0;
}

/* Finds the script for a PATH_INFO that is known. Returns 0 or -1. */
static int
find_script(struct mount *mount, const struct asked *asked)
{
	size_t length = strlen(mount->script), i;
	/* Apache's [B] and AllowEncodedSlashes NoDecode leave "%2F" in it. */
	char *decoded = strdup(mount->path);
	int found = 0;

	if (decoded == NULL)
		return -1;
	url_decode(decoded);
	for (i = 0; i < asked->count && found == 0; i++) {
		/* CGIVar current-uri: REQUEST_URI is the rewritten one. */
		if (is_right(mount, asked->paths[i]) &&
		    !is_right(mount, asked->paths[asked->count - 1]))
			continue;
		if (is_right(mount, asked->paths[i]))
			break;
		/* nginx with PATH_INFO=$document_uri: the script is twice. */
		if (length > 0 && starts_with(mount->path, mount->script) &&
		    mount->path[length] == '/' &&
		    strcmp(asked->paths[i], mount->path) == 0) {
			memmove(mount->path, mount->path + length,
			    strlen(mount->path + length) + 1);
			break;
		}
		found = cut_script(mount, asked->paths[i], mount->path);
		if (found == 0)
			found = cut_script(mount, asked->paths[i], decoded);
	}
	free(decoded);
	return found == -1 ? -1 : 0;
}

/*
 * nginx's stock parameters put the whole URL path into SCRIPT_NAME and set no
 * PATH_INFO. Unless it is the script's own name, or set once more by the
 * deployer, it is a path below the root.
 */
static bool
is_whole_path(const struct request *request, const char *script)
{
	const char *file = strrchr(
	    request_text(request, "SCRIPT_FILENAME", ""), '/');
	size_t i, count = 0;

	for (i = 0; i < request->count; i++)
		if (request_names(&request->variables[i], "SCRIPT_NAME"))
			count++;
	return count == 1 && file != NULL && !ends_with(script, file) &&
	    request_value(request, "PATH_INFO") == NULL &&
	    request_is_by(request, "nginx");
}

static int
find_mount(const struct request *request, struct mount *mount)
{
	size_t length = strlen(mount->script);
	bool slash = length == 0 || mount->script[length - 1] == '/';
	struct asked asked = { .count = 0 };
	int result;

	if (is_whole_path(request, mount->script)) {
		free(mount->path);
		mount->path = mount->script;
		if ((mount->script = strdup("")) == NULL)
			return -1;
		return 0;
	}
	if (is_included(request) && *mount->path == '/' &&
	    ends_with(mount->script, mount->path))
		mount->script[length - strlen(mount->path)] = '\0';
	result = collect_asked(request, &asked);
	if (*mount->path == '\0' && result == 0) {
		strip_slashes(mount->script);
		result = find_path(mount, &asked,
		    request_value(request, "REDIRECT_STATUS") != NULL);
	}
	if (slash && *mount->path != '/' && result == 0)
		result = move_slash(mount);
	if (*mount->path != '\0' && result == 0) {
		result = find_script(mount, &asked);
		strip_slashes(mount->script);
	}
	free_asked(&asked);
	return result;
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

/* nginx's try_files and lighttpd's error-handler-404 lose the query. */
static int
restore_query(struct request *request)
{
	const char *query = strchr(
	    request_text(request, "REQUEST_URI", ""), '?');
	char *copy;

	if (query == NULL || *request_text(request, "QUERY_STRING", "") != '\0')
		return 0;
	if ((copy = strdup(query + 1)) == NULL)
		return -1;
	return replace(request, "QUERY_STRING", "cgi2wsgi.query_string", copy);
}

/* Takes over both halves of the mount. */
static int
place(struct request *request, struct mount *mount)
{
	bool lost = *request_text(request, "PATH_INFO", "") == '\0' &&
	    *mount->path != '\0' && !is_included(request);

	if (replace(request, "SCRIPT_NAME", "cgi2wsgi.script_name",
		mount->script) == -1) {
		free(mount->path);
		return -1;
	}
	if (replace(request, "PATH_INFO", "cgi2wsgi.path_info", mount->path) ==
		-1 ||
	    (lost && restore_query(request) == -1) ||
	    agree(request, "SCRIPT_URL", "cgi2wsgi.script_url") == -1)
		return -1;
	return agree(request, "REDIRECT_URL", "cgi2wsgi.redirect_url");
}

/*
 * --script-name: the path behind the prefix, as the client wrote it. Where
 * REQUEST_URI has no path, PATH_INFO is believed. Returns like path_below().
 */
static int
mount_at(const struct request *request, const char *prefix, struct mount *mount)
{
	char *uri, *path = NULL;
	int found = 1;

	free(mount->script);
	mount->script = strdup(prefix);
	if (mount->script == NULL || read_uri(request, &uri) == -1)
		return -1;
	strip_slashes(mount->script);
	if (uri != NULL && !is_included(request)) {
		found = path_below(
		    mount->script, strlen(mount->script), uri, &path);
		free(mount->path);
		mount->path = path;
	}
	if (uri == NULL || found == 0)
		report_log(REPORT_SCRIPT_NAME,
		    "--script-name %s is not the beginning of REQUEST_URI '%s'",
		    prefix, request_text(request, "REQUEST_URI", ""));
	free(uri);
	return found;
}

/*
 * Apache's Action: PATH_INFO is the script's URL path with the script's own
 * path information behind it, or nothing is known. Returns like path_below().
 */
static int
mount_action(
    const struct request *request, const char *tail, struct mount *mount)
{
	if (!ends_with(mount->path, tail))
		return 0;
	free(mount->script);
	mount->script = mount->path;
	if ((mount->path = strdup(tail)) == NULL)
		return -1;
	mount->script[strlen(mount->script) - strlen(tail)] = '\0';
	return find_mount(request, mount) == -1 ? -1 : 1;
}

static bool
is_error_page(const struct request *request)
{
	const char *status = request_text(request, "REDIRECT_STATUS", "");

	return *status != '\0' && strcmp(status, "200") != 0;
}

int
mount_repair(
    struct request *request, const char *prefix, const char *action_tail)
{
	struct mount mount;
	int found = 1;

	if (prefix != NULL ? strcmp(prefix, "off") == 0
			   : is_error_page(request))
		return 0;
	mount.script = strdup(request_text(request, "SCRIPT_NAME", ""));
	mount.path = strdup(request_text(request, "PATH_INFO", ""));
	if (mount.script == NULL || mount.path == NULL)
		found = -1;
	else if (prefix != NULL)
		found = mount_at(request, prefix, &mount);
	else if (action_tail != NULL)
		found = mount_action(request, action_tail, &mount);
	else if (find_mount(request, &mount) == -1)
		found = -1;
	if (found == 1)
		return place(request, &mount);
	free(mount.script);
	free(mount.path);
	return found;
}
