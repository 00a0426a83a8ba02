/* The variables of RFC 3875 4.1 from curl's options, as Apache sets them. */

#include <config.h>

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/ascii.h"
#include "cgi/buffer.h"
#include "cgi/header.h"
#include "cgi/report.h"
#include "cgi/url.h"
#include "terminal/environ.h"
#include "terminal/headers.h"
#include "terminal/target.h"
#include "terminal/upload.h"

static const char *const fixed[][2] = {
	{ "GATEWAY_INTERFACE", "CGI/1.1" },
	{ "REMOTE_ADDR", "127.0.0.1" },
	{ "SCRIPT_NAME", "" },
	{ "SERVER_PROTOCOL", "HTTP/1.1" },
	{ "SERVER_SOFTWARE", "cgi2wsgi/" VERSION },
};

/* set() is given the value, which is memory and freed, or NULL without any. */
static int
use_memory(int (*set)(const char *name, const char *value), const char *name,
    char *value)
{
	int result = value != NULL ? set(name, value) : report_no_memory();

	free(value);
	return result;
}

static const char *
option_value(const struct options *options, int letter, const char *otherwise)
{
	const struct given_option *option = options_last(options, letter);

	return option != NULL ? option->value : otherwise;
}

/* RFC 4648 4 */
static char *
encode_base64(const char *text)
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

static int
offer_login(const char *login)
{
	char *code, *value = NULL;

	if (login == NULL)
		return headers_offer("HTTP_AUTHORIZATION", NULL);
	if (strchr(login, ':') == NULL)
		return report_fail(
		    REPORT_USAGE, "-u needs USER:PASSWORD, not '%s'", login);
	code = encode_base64(login);
	if (code == NULL || asprintf(&value, "Basic %s", code) == -1)
		value = NULL;
	free(code);
	return use_memory(headers_offer, "HTTP_AUTHORIZATION", value);
}

/* Several -b become one header. */
static int
offer_cookies(const struct options *options)
{
	const struct given_option *option;
	struct buffer all = { 0 };
	int i;

	for (i = 0; i < options->count; i++) {
		option = &options->given[i];
		if (option->letter != 'b')
			continue;
		if (strchr(option->value, '=') == NULL) {
			free(all.bytes);
			return report_fail(REPORT_USAGE,
			    "-b needs NAME=VALUE, not the name of a file: '%s'",
			    option->value);
		}
		buffer_print(
		    &all, "%s%s", all.length > 0 ? ";" : "", option->value);
	}
	if (all.length == 0)
		return headers_offer("HTTP_COOKIE", NULL);
	return use_memory(
	    headers_offer, "HTTP_COOKIE", buffer_take(&all, NULL));
}

/* curl's headers, but for the name of the program. */
static int
set_headers(const struct options *options, const struct target *target)
{
	bool json = options_last(options, OPTION_JSON) != NULL;

	return headers_offer("HTTP_HOST", target->authority) == 0 &&
		headers_offer("HTTP_USER_AGENT",
		    option_value(options, 'A', "cgi2wsgi/" VERSION)) == 0 &&
		headers_offer(
		    "HTTP_ACCEPT", json ? "application/json" : "*/*") == 0 &&
		headers_offer(
		    "HTTP_REFERER", option_value(options, 'e', NULL)) == 0 &&
		offer_login(option_value(options, 'u', target->login)) == 0 &&
		offer_cookies(options) == 0
	    ? 0
	    : -1;
}

/* A chunked upload has no length (RFC 9112 6.1). */
static bool
is_chunked(void)
{
	const char *value = headers_value("HTTP_TRANSFER_ENCODING");

	return value != NULL && ascii_equal(value, "chunked");
}

static int
set_content(const struct upload *upload)
{
	char *length = NULL;
	struct stat st;

	if (headers_offer("CONTENT_TYPE", upload->type) == -1)
		return -1;
	if (upload->data == NULL || is_chunked())
		return headers_offer("CONTENT_LENGTH", NULL);
	if (fstat(fileno(upload->data), &st) == -1 ||
	    asprintf(&length, "%lld", (long long)st.st_size) == -1)
		length = NULL;
	return use_memory(headers_offer, "CONTENT_LENGTH", length);
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
	if (headers_set_variable("SERVER_PORT", port) == -1 ||
	    use_memory(headers_set_variable, "SERVER_NAME",
		strndup(host, length)) == -1 ||
	    headers_set_variable(
		"REQUEST_SCHEME", target->secure ? "https" : "http") == -1)
		return -1;
	return headers_set_variable("HTTPS", target->secure ? "on" : NULL);
}

static int
set_path(const struct target *target)
{
	char *decoded = strdup(target->path), *uri;

	if (decoded != NULL) {
		url_decode(decoded);
		url_normalize(decoded);
	}
	if (use_memory(headers_set_variable, "PATH_INFO", decoded) == -1 ||
	    headers_set_variable(
		"QUERY_STRING", target->query ? target->query : "") == -1)
		return -1;
	if (asprintf(&uri, "%s%s%s", target->path, target->query ? "?" : "",
		target->query ? target->query : "") == -1)
		return report_no_memory();
	return use_memory(headers_set_variable, "REQUEST_URI", uri);
}

static int
set_method(const struct options *options, const struct upload *upload)
{
	const char *method = option_value(options, 'X', NULL);

	if (method == NULL)
		method = options_last(options, 'I') != NULL ? "HEAD"
		    : upload->data != NULL                  ? "POST"
							    : "GET";
	if (header_check_name(method, strlen(method)) != NULL)
		return report_fail(
		    REPORT_USAGE, "-X needs a method, not '%s'", method);
	return headers_set_variable("REQUEST_METHOD", method);
}

static int
set_request(
    const struct options *options, struct target *target, struct upload *upload)
{
	size_t i;

	for (i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		if (headers_set_variable(fixed[i][0], fixed[i][1]) == -1)
			return -1;
	if (set_method(options, upload) == -1 || set_path(target) == -1 ||
	    set_headers(options, target) == -1 || set_content(upload) == -1 ||
	    headers_set() == -1)
		return -1;
	/* A form's type has a boundary, whatever -H says. */
	if (upload->kind == UPLOAD_FORM &&
	    headers_set_variable("CONTENT_TYPE", upload->type) == -1)
		return -1;
	return set_server(target);
}

int
environ_simulate(const struct invocation *invocation, int *body)
{
	const struct options *options = &invocation->options;
	struct upload upload = { .kind = UPLOAD_NOTHING };
	struct target target;
	int result = -1;

	if (target_read(&target, invocation->url) == 0 &&
	    headers_collect(options) == 0 &&
	    upload_make(&upload, options, headers_value("CONTENT_TYPE")) == 0 &&
	    set_request(options, &target, &upload) == 0 &&
	    headers_set_variable("SCRIPT_FILENAME", invocation->file) == 0)
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
