/* The variables of RFC 3875 4.1 from curl's options, as Apache sets them. */

#include <config.h>

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/alloc.h"
#include "cgi/ascii.h"
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

/* set() is given the value, which is memory and freed. */
static void
use_memory(void (*set)(const char *name, const char *value), const char *name,
    char *value)
{
	set(name, value);
	free(value);
}

static const char *
option_value(const struct options *options, int letter, const char *otherwise)
{
	const struct given_option *option = options_last(options, letter);

	return option != NULL ? option->value : otherwise;
}

/* RFC 4648 4: three bytes are four characters, '=' for each missing one. */
static char *
encode_base64(const char *text)
{
	size_t missing = 2 - (strlen(text) + 2) % 3;
	char *whole = alloc_print("%s%c%c", text, 0, 0), /* and NULs */
	    *code = ascii_base64(whole, strlen(text) + missing, 0);

	free(whole);
	if (code == NULL)
		alloc_fail();
	memset(code + strlen(code) - missing, '=', missing);
	return code;
}

static int
offer_login(const char *login)
{
	char *code;

	if (login == NULL) {
		headers_offer("HTTP_AUTHORIZATION", NULL);
		return 0;
	}
	if (strchr(login, ':') == NULL)
		return report_fail(
		    REPORT_USAGE, "-u needs USER:PASSWORD, not '%s'", login);
	code = encode_base64(login);
	use_memory(
	    headers_offer, "HTTP_AUTHORIZATION", alloc_print("Basic %s", code));
	free(code);
	return 0;
}

/* Several -b become one header. */
static int
offer_cookies(const struct options *options)
{
	const struct given_option *option;
	char *all = NULL, *more;
	int i, result = 0;

	for (i = 0; result == 0 && i < options->count; i++) {
		option = &options->given[i];
		if (option->letter != 'b')
			continue;
		if (strchr(option->value, '=') == NULL)
			result = report_fail(REPORT_USAGE,
			    "-b needs NAME=VALUE, not the name of a file: '%s'",
			    option->value);
		more = alloc_print("%s%s%s", all != NULL ? all : "",
		    all != NULL ? ";" : "", option->value);
		free(all);
		all = more;
	}
	use_memory(headers_offer, "HTTP_COOKIE", all);
	return result;
}

/* curl's headers, but for the name of the program. */
static int
set_headers(const struct options *options, const struct target *target)
{
	bool json = options_last(options, OPTION_JSON) != NULL;

	headers_offer("HTTP_HOST", target->authority);
	headers_offer(
	    "HTTP_USER_AGENT", option_value(options, 'A', "cgi2wsgi/" VERSION));
	headers_offer("HTTP_ACCEPT", json ? "application/json" : "*/*");
	headers_offer("HTTP_REFERER", option_value(options, 'e', NULL));
	return offer_login(option_value(options, 'u', target->login)) == 0
	    ? offer_cookies(options)
	    : -1;
}

static void
set_content(const struct upload *upload)
{
	const char *coding = headers_value("HTTP_TRANSFER_ENCODING");
	char *length = NULL;
	struct stat st;

	headers_offer("CONTENT_TYPE", upload->type);
	/* A chunked upload has no length (RFC 9112 6.1). */
	if (upload->data != NULL &&
	    (coding == NULL || !ascii_equal(coding, "chunked")) &&
	    fstat(fileno(upload->data), &st) == 0)
		length = alloc_print("%lld", (long long)st.st_size);
	use_memory(headers_offer, "CONTENT_LENGTH", length);
}

/* The Host header says which name a host of many was asked for. */
static void
set_server(const struct target *target)
{
	const char *host = getenv("HTTP_HOST"), *port;
	size_t length;

	if (host == NULL)
		host = target->authority;
	port = target_port(host, &length);
	if (port == NULL)
		port = target->secure ? "443" : "80";
	headers_set_variable("SERVER_PORT", port);
	use_memory(
	    headers_set_variable, "SERVER_NAME", alloc_part(host, length));
	headers_set_variable(
	    "REQUEST_SCHEME", target->secure ? "https" : "http");
	headers_set_variable("HTTPS", target->secure ? "on" : NULL);
}

static void
set_path(const struct target *target)
{
	const char *query = target->query != NULL ? target->query : "";
	char *decoded = alloc_text(target->path);

	url_decode(decoded);
	url_normalize(decoded);
	use_memory(headers_set_variable, "PATH_INFO", decoded);
	headers_set_variable("QUERY_STRING", query);
	use_memory(headers_set_variable, "REQUEST_URI",
	    alloc_print("%s%s%s", target->path,
		target->query != NULL ? "?" : "", query));
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
	headers_set_variable("REQUEST_METHOD", method);
	return 0;
}

static int
set_request(
    const struct options *options, struct target *target, struct upload *upload)
{
	size_t i;

	for (i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		headers_set_variable(fixed[i][0], fixed[i][1]);
	if (set_method(options, upload) == -1 ||
	    set_headers(options, target) == -1)
		return -1;
	set_path(target);
	set_content(upload);
	headers_set();
	/* A form's type has a boundary, whatever -H says. */
	if (upload->kind == UPLOAD_FORM)
		headers_set_variable("CONTENT_TYPE", upload->type);
	set_server(target);
	return 0;
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
	    set_request(options, &target, &upload) == 0) {
		headers_set_variable("SCRIPT_FILENAME", invocation->file);
		result = 0;
	}
	*body = -1;
	if (result == 0 && upload.data != NULL &&
	    (*body = fcntl(fileno(upload.data), F_DUPFD_CLOEXEC, 0)) == -1)
		result = report_fail(REPORT_SYSTEM,
		    "cannot keep the request's body: %s", strerror(errno));
	upload_free(&upload);
	target_free(&target);
	return result;
}
