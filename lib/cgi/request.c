/* Which variables are the server's words about a request, and their values. */

#include <stdlib.h>
#include <string.h>

#include "cgi/request.h"

/* RFC 3875 4.1, and what servers add to it. */
static const char *const meta_names[] = { "AUTH_PASSWORD", "AUTH_TYPE",
	"AUTH_USER", "CONTENT_LENGTH", "CONTENT_TYPE", "CONTEXT_DOCUMENT_ROOT",
	"CONTEXT_PREFIX", "DOCUMENT_ARGS", "DOCUMENT_NAME", "DOCUMENT_ROOT",
	"DOCUMENT_URI", "FCGI_ROLE", "GATEWAY_INTERFACE", "HTTPS", "LOCAL_URI",
	"LOCAL_URI_RAW", "LOGON_USER", "PATH_INFO", "PATH_TRANSLATED",
	"QUERY_STRING", "QUERY_STRING_UNESCAPED", "REMOTE_ADDR", "REMOTE_HOST",
	"REMOTE_IDENT", "REMOTE_PORT", "REMOTE_USER", "REQUEST_METHOD",
	"REQUEST_SCHEME", "REQUEST_URI", "SCRIPT_FILENAME", "SCRIPT_NAME",
	"SCRIPT_URI", "SCRIPT_URL", "SERVER_ADDR", "SERVER_ADMIN",
	"SERVER_NAME", "SERVER_PORT", "SERVER_PORT_SECURE", "SERVER_PROTOCOL",
	"SERVER_SIGNATURE", "SERVER_SOFTWARE", "UNIQUE_ID", "USER_NAME" };

static const char *const meta_prefixes[] = { "HTTP_", "REDIRECT_", "SSL_" };

/* OpenSSL's own settings, not mod_ssl's words about the connection. */
static const char *const kept_names[] = { "SSL_CERT_DIR", "SSL_CERT_FILE" };

bool
request_is_named(const struct variable *variable, const char *name)
{
	return strlen(name) == variable->length &&
	    memcmp(variable->name, name, variable->length) == 0;
}

static bool
is_listed(const char *const *names, size_t count, const struct variable *wanted)
{
	while (count-- > 0)
		if (request_is_named(wanted, names[count]))
			return true;
	return false;
}

bool
request_is_meta(const char *name, size_t length)
{
	const struct variable v = { .name = name, .length = length };
	size_t i;

	for (i = 0; i < sizeof(meta_prefixes) / sizeof(*meta_prefixes); i++)
		if (length >= strlen(meta_prefixes[i]) &&
		    memcmp(name, meta_prefixes[i], strlen(meta_prefixes[i])) ==
			0)
			return !is_listed(kept_names,
			    sizeof(kept_names) / sizeof(*kept_names), &v);
	return is_listed(
	    meta_names, sizeof(meta_names) / sizeof(*meta_names), &v);
}

const char *
request_meta_name(size_t index)
{
	const size_t names = sizeof(meta_names) / sizeof(*meta_names),
		     prefixes = sizeof(meta_prefixes) / sizeof(*meta_prefixes);

	if (index < names)
		return meta_names[index];
	return index < names + prefixes ? meta_prefixes[index - names] : NULL;
}

static int
append_variable(
    struct request *request, const char *name, size_t length, const char *value)
{
	struct variable *grown;
	size_t room;

	if (request->count == request->room) {
		room = request->room != 0 ? request->room * 2 : 64;
		grown = realloc(request->variables, room * sizeof(*grown));
		if (grown == NULL)
			return -1;
		request->variables = grown;
		request->room = room;
	}
	request->variables[request->count++] =
	    (struct variable){ .name = name, .length = length, .value = value };
	return 0;
}

int
request_open(struct request *request, char **environment)
{
	char **from, **to, *equals;
	size_t length;

	*request = (struct request){ 0 };
	for (from = to = environment; *from != NULL; from++) {
		equals = strchr(*from, '=');
		if (equals == NULL || equals == *from)
			continue;
		length = (size_t)(equals - *from);
		if (append_variable(request, *from, length, equals + 1) == -1)
			return -1;
		if (!request_is_meta(*from, length))
			*to++ = *from;
	}
	*to = NULL;
	return 0;
}

const char *
request_value(const struct request *request, const char *name)
{
	size_t i;

	for (i = request->count; i-- > 0;)
		if (request->variables[i].value != NULL &&
		    request_is_named(&request->variables[i], name))
			return request->variables[i].value;
	return NULL;
}

const char *
request_text(
    const struct request *request, const char *name, const char *otherwise)
{
	const char *value = request_value(request, name);

	return value != NULL && *value != '\0' ? value : otherwise;
}

bool
request_is_by(const struct request *request, const char *server)
{
	return strncmp(request_text(request, "SERVER_SOFTWARE", ""), server,
		   strlen(server)) == 0;
}

int
request_set(struct request *request, const char *name, const char *value)
{
	size_t i;

	for (i = 0; i < request->count; i++)
		if (request_is_named(&request->variables[i], name))
			request->variables[i].value = NULL;
	return value ? append_variable(request, name, strlen(name), value) : 0;
}

/* h2o sets no GATEWAY_INTERFACE. */
static const char *const signs[] = { "REQUEST_METHOD", "GATEWAY_INTERFACE",
	"SERVER_PROTOCOL" };

const char *
request_find_sign(const struct request *request)
{
	size_t i;

	for (i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (request_value(request, signs[i]) != NULL)
			return signs[i];
	return NULL;
}

bool
request_is_there(void)
{
	size_t i;

	for (i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (getenv(signs[i]) != NULL)
			return true;
	return false;
}
