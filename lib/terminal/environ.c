/* The variables of RFC 3875 4.1 from curl's options, as Apache sets them. */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cgi/header.h"
#include "terminal/headers.h"
#include "cgi/report.h"
#include "terminal/environ.h"
#include "terminal/target.h"
#include "terminal/upload.h"
#include "cgi/url.h"

static const char *const fixed[][2] = {
	{ "GATEWAY_INTERFACE", "CGI/1.1" },
	{ "REMOTE_ADDR", "127.0.0.1" },
	{ "SCRIPT_NAME", "" },
	{ "SERVER_PROTOCOL", "HTTP/1.1" },
	{ "SERVER_SOFTWARE", "cgi2wsgi/" VERSION },
};

/* NULL takes a variable away. */
static int
set(const char *name, const char *value)
{
	int result = value != NULL ? setenv(name, value, 1) : unsetenv(name);

	return result == 0 ? 0 : report_no_memory();
}

/* The same with memory, which is freed. */
static int
give(const char *name, char *value)
{
	int result = value != NULL ? set(name, value) : report_no_memory();

	free(value);
	return result;
}

static const char *
wished(const struct wishes *wishes, int letter, const char *otherwise)
{
	const struct wish *wish = wishes_last(wishes, letter);

	return wish != NULL ? wish->value : otherwise;
}

static int
offer_memory(const char *name, char *value)
{
	int result = value != NULL ? headers_offer(name, value)
				   : report_no_memory();

	free(value);
	return result;
}

/* RFC 4648 4 */
static char *
encode(const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t length = strlen(text), i, bits;
	char *code = malloc(length / 3 * 4 + 5), *to = code;

	for (i = 0; code != NULL && i < length; i += 3) {
		bits = (size_t)(unsigned char)text[i] << 16;
		if (i + 1 < length)
			bits |= (size_t)(unsigned char)text[i + 1] << 8;
		if (i + 2 < length)
			bits |= (size_t)(unsigned char)text[i + 2];
		*to++ = digits[bits >> 18];
		*to++ = digits[bits >> 12 & 63];
		*to++ = i + 1 < length ? digits[bits >> 6 & 63] : '=';
		*to++ = i + 2 < length ? digits[bits & 63] : '=';
	}
	if (code != NULL)
		*to = '\0';
	return code;
}

/* -u user asks for the password. */
static int
offer_login(const char *login)
{
	char *whole = NULL, *prompt, *password, *code, *value = NULL;

	if (login != NULL && strchr(login, ':') == NULL) {
		if (asprintf(&prompt, "Password for '%s': ", login) == -1)
			return report_no_memory();
		password = getpass(prompt);
		free(prompt);
		if (asprintf(&whole, "%s:%s", login,
			password != NULL ? password : "") == -1)
			return report_no_memory();
		login = whole;
	}
	if (login == NULL)
		return headers_offer("Authorization", NULL);
	code = encode(login);
	free(whole);
	if (code == NULL || asprintf(&value, "Basic %s", code) == -1)
		value = NULL;
	free(code);
	return offer_memory("Authorization", value);
}

/* Several -b become one header. */
static int
offer_cookies(const struct wishes *wishes)
{
	char *all = NULL;
	size_t length;
	FILE *to = open_memstream(&all, &length);
	int i, result = 0;

	if (to == NULL)
		return report_no_memory();
	for (i = 0; result == 0 && i < wishes->count; i++) {
		if (wishes->wish[i].letter != 'b')
			continue;
		if (strchr(wishes->wish[i].value, '=') == NULL)
			result = report_fail(REPORT_USAGE,
			    "-b needs NAME=VALUE, not the name of a file: '%s'",
			    wishes->wish[i].value);
		fprintf(to, "%s%s", ftell(to) > 0 ? ";" : "",
		    wishes->wish[i].value);
	}
	if (fclose(to) != 0 || result == -1) {
		free(all);
		return result;
	}
	return offer_memory("Cookie", all);
}

/* curl's headers, but for the name of the program. */
static int
set_headers(const struct wishes *wishes, const struct target *target)
{
	bool json = wishes_last(wishes, WISH_JSON) != NULL;

	return headers_offer("Host", target->authority) == 0 &&
		headers_offer("User-Agent",
		    wished(wishes, 'A', "cgi2wsgi/" VERSION)) == 0 &&
		headers_offer("Accept", json ? "application/json" : "*/*") ==
		    0 &&
		headers_offer("Referer", wished(wishes, 'e', NULL)) == 0 &&
		offer_login(wished(wishes, 'u', target->login)) == 0 &&
		offer_cookies(wishes) == 0
	    ? 0
	    : -1;
}

/* A chunked upload has no length (RFC 9112 6.1). */
static bool
is_chunked(void)
{
	const char *value = headers_value("Transfer-Encoding");

	return value != NULL && strcasecmp(value, "chunked") == 0;
}

static int
set_content(const struct upload *upload)
{
	char *length = NULL;
	struct stat st;

	if (headers_offer("Content-Type", upload->type) == -1)
		return -1;
	if (upload->data == NULL || is_chunked())
		return headers_offer("Content-Length", NULL);
	if (fstat(fileno(upload->data), &st) == -1 ||
	    asprintf(&length, "%lld", (long long)st.st_size) == -1)
		length = NULL;
	return offer_memory("Content-Length", length);
}

/* The Host header says which name a host of many was asked for. */
static int
set_server(const struct target *target)
{
	const char *host = getenv("HTTP_HOST"), *port;
	size_t length;

	if (host == NULL)
		host = target->authority;
	port = target_port(host, &length);
	if (port == NULL)
		port = target->secure ? "443" : "80";
	if (set("SERVER_PORT", port) == -1 ||
	    give("SERVER_NAME", strndup(host, length)) == -1 ||
	    set("REQUEST_SCHEME", target->secure ? "https" : "http") == -1)
		return -1;
	return set("HTTPS", target->secure ? "on" : NULL);
}

static int
set_path(const struct target *target)
{
	char *decoded = strdup(target->path), *uri;

	if (decoded != NULL) {
		url_decode(decoded);
		url_normalize(decoded);
	}
	if (give("PATH_INFO", decoded) == -1 ||
	    set("QUERY_STRING", target->query ? target->query : "") == -1)
		return -1;
	if (asprintf(&uri, "%s%s%s", target->path, target->query ? "?" : "",
		target->query ? target->query : "") == -1)
		return report_no_memory();
	return give("REQUEST_URI", uri);
}

static int
set_method(const struct wishes *wishes, const struct upload *upload)
{
	const char *method = wished(wishes, 'X', NULL);

	if (method == NULL)
		method = wishes_last(wishes, 'I') != NULL ? "HEAD"
		    : upload->kind == UPLOAD_FILE         ? "PUT"
		    : upload->data != NULL                ? "POST"
							  : "GET";
	if (header_check_name(method, strlen(method)) != NULL)
		return report_fail(
		    REPORT_USAGE, "-X needs a method, not '%s'", method);
	return set("REQUEST_METHOD", method);
}

/* -G: the data becomes the end of the query. */
static int
move_to_query(struct upload *upload, struct target *target)
{
	char *query = NULL;
	size_t length;
	FILE *to = open_memstream(&query, &length);
	int c;

	if (to == NULL)
		return report_no_memory();
	if (target->query != NULL && *target->query != '\0')
		fprintf(to, "%s&", target->query);
	while ((c = getc(upload->data)) != EOF)
		putc(c, to);
	free(target->query);
	target->query = fclose(to) == 0 ? query : NULL;
	upload_free(upload);
	*upload = (struct upload){ .kind = UPLOAD_NOTHING };
	if (target->query == NULL)
		return report_no_memory();
	return target_check(query);
}

/* -T into a folder keeps the file's name. */
static int
name_file(struct target *target, const char *file)
{
	const char *slash = strrchr(file, '/'),
		   *name = slash != NULL ? slash + 1 : file;
	size_t size, length = strlen(target->path);
	char *path;
	FILE *to;

	if (target->path[length - 1] != '/' || strcmp(file, "-") == 0)
		return 0;
	if ((to = open_memstream(&path, &size)) == NULL)
		return report_no_memory();
	fputs(target->path, to);
	while (*name != '\0')
		url_encode(to, (unsigned char)*name++);
	free(target->path);
	target->path = fclose(to) == 0 ? path : NULL;
	return target->path != NULL ? 0 : report_no_memory();
}

static int
set_everything(
    const struct wishes *wishes, struct target *target, struct upload *upload)
{
	size_t i;

	if (upload->kind == UPLOAD_DATA && wishes_last(wishes, 'G') != NULL &&
	    move_to_query(upload, target) == -1)
		return -1;
	if (upload->kind == UPLOAD_FILE &&
	    name_file(target, wished(wishes, 'T', "-")) == -1)
		return -1;
	for (i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		if (set(fixed[i][0], fixed[i][1]) == -1)
			return -1;
	if (set_method(wishes, upload) == -1 || set_path(target) == -1 ||
	    set_headers(wishes, target) == -1 || set_content(upload) == -1 ||
	    headers_set() == -1)
		return -1;
	/* A form's type has a boundary, whatever -H says. */
	if (upload->kind == UPLOAD_FORM &&
	    set("CONTENT_TYPE", upload->type) == -1)
		return -1;
	return set_server(target);
}

int
environ_simulate(const struct invocation *invocation, int *body)
{
	const struct wishes *wishes = &invocation->wishes;
	struct upload upload = { .kind = UPLOAD_NOTHING };
	struct target target;
	int result = -1;

	if (target_read(&target, invocation->url) == 0 &&
	    headers_collect(wishes) == 0 &&
	    upload_make(&upload, wishes, headers_value("Content-Type")) == 0 &&
	    set_everything(wishes, &target, &upload) == 0 &&
	    set("SCRIPT_FILENAME", invocation->file) == 0)
		result = 0;
	*body = -1;
	if (result == 0 && upload.data != NULL &&
	    (*body = fcntl(fileno(upload.data), F_DUPFD_CLOEXEC, 0)) == -1)
		result = report_fail(REPORT_SYSTEM,
		    "cannot keep the request's body: %s", strerror(errno));
	upload_free(&upload);
	target_free(&target);
	return result;
}
