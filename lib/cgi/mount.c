/*
 * Links that an application builds start with SCRIPT_NAME. Servers that
 * rewrite a URL or redirect inside set it to the script's own path, not to
 * the one that the client sees. SCRIPT_NAME and PATH_INFO behind each other
 * have to be the path that the client asked for (conformance B16):
 *
 *	--script-name P         P, and what was asked for below it
 *	Apache's Action         PATH_INFO is the script's path, and the rest
 *	PATH_INFO is missing    it is what was asked for below the script, or
 *	                        below the script's folder
 *	PATH_INFO is there      SCRIPT_NAME is what was asked for before it
 *
 * Only the server's own variables are read here, no header of the client's.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/mount.h"
#include "cgi/report.h"
#include "cgi/url.h"

/* Texts are the request's, or copies. */
struct mount {
	struct request *request;
	const char *script, *path;
	/* what the client asked for, as several variables say, best first */
	const char *asked[4];
	size_t count;
	bool no_memory; /* copies are empty from then on */
};

/* Some become variables of the request, so all stay until the next one. */
struct copy {
	struct copy *next;
	char text[];
};
static struct copy *copies;

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

/* Bytes and a text behind each other; there is room for one slash more. */
static char *
copy_texts(
    struct mount *mount, const char *bytes, size_t length, const char *text)
{
	static char none[2];
	struct copy *copy = malloc(sizeof(*copy) + length + strlen(text) + 2);

	if (copy == NULL) {
		mount->no_memory = true;
		*none = '\0';
		return none;
	}
	copy->next = copies;
	copies = copy;
	memcpy(copy->text, bytes, length);
	strcpy(copy->text + length, text);
	return copy->text;
}

static char *
copy_normalized(struct mount *mount, const char *path)
{
	char *copy = copy_texts(mount, "", 0, path);

	url_normalize(copy);
	return copy;
}

/* The beginning of a path becomes the script; no slash ends it. */
static void
set_script(struct mount *mount, const char *path, size_t length)
{
	while (length > 0 && path[length - 1] == '/')
		length--;
	mount->script = copy_texts(mount, path, length, "");
}

/* Server-side includes: REQUEST_URI is the page's that includes the script. */
static bool
is_included(const struct mount *mount)
{
	return strcmp(request_text(mount->request, "SERVER_PROTOCOL", ""),
		   "INCLUDED") == 0;
}

/*
 * The decoded path of REQUEST_URI, which may also be a whole URL (RFC 9112
 * 3.2.2); or NULL: it is "*" or "host:port", or about another page.
 */
static const char *
read_uri(struct mount *mount)
{
	const char *uri = request_text(mount->request, "REQUEST_URI", "");
	size_t scheme = strcspn(uri, ":/?#");
	char *path;

	if (scheme > 0 && starts_with(uri + scheme, "://")) {
		uri += scheme + strlen("://");
		uri += strcspn(uri, "/?#");
		if (*uri != '/')
			uri = "/";
	}
	if (*uri != '/' || is_included(mount))
		return NULL;
	path = copy_texts(mount, uri, strcspn(uri, "?#"), "");
	url_decode(path);
	return path;
}

/*
 * REQUEST_URI as it was written and as most servers read it, then Apache's
 * variables. REDIRECT_URL comes last: after several rewritings it names a step
 * in between.
 */
static void
collect_asked(struct mount *mount)
{
	const char *uri = read_uri(mount),
		   *script = request_text(mount->request, "SCRIPT_URL", ""),
		   *redirect = request_text(mount->request, "REDIRECT_URL", "");

	if (uri != NULL) {
		mount->asked[mount->count++] = uri;
		mount->asked[mount->count++] = copy_normalized(mount, uri);
	}
	if (*script == '/' && !is_included(mount))
		mount->asked[mount->count++] = script;
	if (*redirect == '/')
		mount->asked[mount->count++] = redirect;
}

/*
 * What of asked lies below a prefix of length bytes, or NULL. It stays as the
 * client wrote it, double slashes and all, unless its dot segments lead out of
 * the prefix and back.
 */
static const char *
find_below(
    struct mount *mount, const char *prefix, size_t length, const char *asked)
{
	const char *whole = copy_normalized(mount, asked);

	if (!is_above(prefix, length, whole))
		return NULL;
	if (is_above(prefix, length, asked) &&
	    strcmp(copy_normalized(mount, asked + length), whole + length) == 0)
		return asked + length;
	return whole + length;
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
static void
find_elsewhere(struct mount *mount)
{
	const char *name = strrchr(mount->script, '/'), *whole;

	if (mount->count == 0 || name == NULL)
		return;
	whole = copy_normalized(mount, mount->asked[0]);
	if (ends_with(whole, name))
		mount->script = whole;
	else if (ends_with(whole, "/") && starts_with(mount->script, whole)) {
		set_script(mount, whole, strlen(whole));
		mount->path = "/";
	}
}

/*
 * PATH_INFO is missing. It is what was asked for below the script. Or, where
 * a rewriting (WordPress's rule), FallbackResource, try_files or an index file
 * led to the script, below the script's folder.
 */
static void
find_path(struct mount *mount)
{
	const char *script = mount->script, *slash = strrchr(script, '/'),
		   *asked, *below;
	bool rewritten = request_value(mount->request, "REDIRECT_STATUS");
	size_t i;

	for (i = 0; i < mount->count; i++) {
		asked = mount->asked[i];
		if (!rewritten && is_completed(script, asked)) {
			mount->script = asked;
			return;
		}
		below = find_below(mount, script, strlen(script), asked);
		if (below == NULL && slash != NULL) {
			below = find_below(
			    mount, script, (size_t)(slash - script), asked);
			if (below != NULL)
				set_script(
				    mount, script, (size_t)(slash - script));
		}
		if (below != NULL) {
			mount->path = below;
			return;
		}
	}
	find_elsewhere(mount);
}

/*
 * If asked ends in path, the script is what precedes. It is tidied, so that
 * no client's "//host/.." gets to the beginning of a link.
 */
static bool
cut_script(struct mount *mount, const char *asked, const char *path)
{
	char *script;

	if (*path != '/' || !ends_with(asked, path))
		return false;
	script = copy_texts(mount, asked, strlen(asked) - strlen(path), "");
	url_normalize(script);
	set_script(mount, script, strlen(script));
	return true;
}

/* Whether script and path behind each other are what was asked for. */
static bool
is_right(const struct mount *mount, const char *asked)
{
	return starts_with(asked, mount->script) &&
	    strcmp(asked + strlen(mount->script), mount->path) == 0;
}

/* nginx with PATH_INFO=$document_uri: the script is in the path, too. */
static bool
is_twice(const struct mount *mount, const char *asked)
{
	size_t length = strlen(mount->script);

	return length > 0 && starts_with(mount->path, mount->script) &&
	    mount->path[length] == '/' && strcmp(asked, mount->path) == 0;
}

/* Finds the script for a PATH_INFO that is known. */
static void
find_script(struct mount *mount)
{
	/* Apache's [B] and AllowEncodedSlashes NoDecode leave "%2F" in it. */
	char *decoded = copy_texts(mount, "", 0, mount->path);
	const char *asked;
	size_t i;

	url_decode(decoded);
	for (i = 0; i < mount->count; i++) {
		asked = mount->asked[i];
		if (is_right(mount, asked)) {
			/* With Apache's CGIVar it may be the rewritten path. */
			if (is_right(mount, mount->asked[mount->count - 1]))
				return;
		} else if (is_twice(mount, asked)) {
			mount->path += strlen(mount->script);
			return;
		} else if (cut_script(mount, asked, mount->path) ||
		    cut_script(mount, asked, decoded))
			return;
	}
}

/*
 * nginx's stock parameters put the whole URL path into SCRIPT_NAME and set no
 * PATH_INFO. Unless it is the script's own name, or set once more by the
 * deployer, it is a path below the root.
 */
static bool
is_whole_path(const struct mount *mount)
{
	const struct request *request = mount->request;
	const char *file = strrchr(
	    request_text(request, "SCRIPT_FILENAME", ""), '/');
	size_t i, count = 0;

	for (i = 0; i < request->count; i++)
		if (request_is_named(&request->variables[i], "SCRIPT_NAME"))
			count++;
	return count == 1 && file != NULL && !ends_with(mount->script, file) &&
	    request_value(request, "PATH_INFO") == NULL &&
	    request_is_by(request, "nginx");
}

static void
find_mount(struct mount *mount)
{
	size_t length = strlen(mount->script), tail = strlen(mount->path);
	bool open = length == 0 || mount->script[length - 1] == '/';

	if (is_whole_path(mount)) {
		mount->path = mount->script;
		mount->script = "";
		return;
	}
	if (is_included(mount) && *mount->path == '/' &&
	    ends_with(mount->script, mount->path))
		length -= tail;
	if (tail == 0 || length < strlen(mount->script))
		set_script(mount, mount->script, length);
	collect_asked(mount);
	if (tail == 0)
		find_path(mount);
	/* A slash between the two is the path's (RFC 3875 4.1.5). */
	if (open && *mount->path != '/') {
		set_script(mount, mount->script, strlen(mount->script));
		mount->path = copy_texts(mount, "/", 1, mount->path);
	}
	if (*mount->path != '\0') {
		find_script(mount);
		set_script(mount, mount->script, strlen(mount->script));
	}
}

/* Sets a variable and keeps what it was. */
static void
replace_variable(
    struct mount *mount, const char *name, const char *kept, const char *text)
{
	const char *before = request_text(mount->request, name, "");

	if ((text == NULL || strcmp(before, text) != 0) &&
	    (request_set(mount->request, name, text) == -1 ||
		request_set(mount->request, kept, before) == -1))
		mount->no_memory = true;
}

/*
 * Django takes its script name from SCRIPT_URL or REDIRECT_URL, less the
 * length of PATH_INFO, after it has squeezed double slashes.
 */
static void
correct_url(struct mount *mount, const char *name, const char *kept)
{
	const char *url = copy_texts(
	    mount, mount->script, strlen(mount->script), mount->path);

	if (request_value(mount->request, name) != NULL)
		replace_variable(
		    mount, name, kept, strstr(url, "//") == NULL ? url : NULL);
}

/* nginx's try_files and lighttpd's error-handler-404 lose the query. */
static void
restore_query(struct mount *mount)
{
	const char *query = strchr(
	    request_text(mount->request, "REQUEST_URI", ""), '?');

	if (query != NULL &&
	    *request_text(mount->request, "QUERY_STRING", "") == '\0')
		replace_variable(
		    mount, "QUERY_STRING", "cgi2wsgi.query_string", query + 1);
}

/* Sets the variables to what was found. */
static void
set_found_variables(struct mount *mount)
{
	if (*request_text(mount->request, "PATH_INFO", "") == '\0' &&
	    *mount->path != '\0' && !is_included(mount))
		restore_query(mount);
	replace_variable(
	    mount, "SCRIPT_NAME", "cgi2wsgi.script_name", mount->script);
	replace_variable(mount, "PATH_INFO", "cgi2wsgi.path_info", mount->path);
	correct_url(mount, "SCRIPT_URL", "cgi2wsgi.script_url");
	correct_url(mount, "REDIRECT_URL", "cgi2wsgi.redirect_url");
}

/*
 * --script-name: the path behind the prefix, as the client wrote it. Where
 * REQUEST_URI has no path, PATH_INFO is believed. Returns whether one is found.
 */
static bool
find_prefix(struct mount *mount, const char *prefix)
{
	const char *uri = read_uri(mount), *path = mount->path;
	char *decoded = copy_texts(mount, prefix, strlen(prefix), "");

	url_decode(decoded);
	set_script(mount, decoded, strlen(decoded));
	if (uri != NULL)
		path = find_below(
		    mount, mount->script, strlen(mount->script), uri);
	if (path == NULL)
		report_log(REPORT_SCRIPT_NAME,
		    "--script-name %s is not the beginning of REQUEST_URI '%s'",
		    prefix, request_text(mount->request, "REQUEST_URI", ""));
	else
		mount->path = path;
	return path != NULL;
}

/*
 * Apache's Action: PATH_INFO is the script's URL path with the script's own
 * path information behind it. Returns whether that holds.
 */
static bool
find_action(struct mount *mount, const char *tail)
{
	if (!ends_with(mount->path, tail))
		return false;
	mount->script = copy_texts(
	    mount, mount->path, strlen(mount->path) - strlen(tail), "");
	mount->path = tail;
	find_mount(mount);
	return true;
}

int
mount_repair(
    struct request *request, const char *prefix, const char *action_tail)
{
	struct mount mount = { .request = request,
		.script = request_text(request, "SCRIPT_NAME", ""),
		.path = request_text(request, "PATH_INFO", "") };
	struct copy *next;
	bool found = true;

	for (; copies != NULL; copies = next) {
		next = copies->next;
		free(copies);
	}
	if (prefix != NULL)
		found = strcmp(prefix, "off") != 0 &&
		    find_prefix(&mount, prefix);
	else if (strcmp(request_text(request, "REDIRECT_STATUS", "200"),
		     "200") != 0)
		found = false; /* an error page */
	else if (action_tail != NULL)
		found = find_action(&mount, action_tail);
	else
		find_mount(&mount);
	if (found && !mount.no_memory)
		set_found_variables(&mount);
	return mount.no_memory ? -1 : 0;
}
