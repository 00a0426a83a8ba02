/* Exact names come before their prefixes; the last rule is for all others. */

#include <stdbool.h>
#include <string.h>

#include "explain/rules.h"

#define APACHE "in no standard: Apache's"

/* clang-format off */
static const struct rule meanings[] = {
	{ "AUTH_TYPE", "how the server made sure who asks", "RFC 3875 4.1.1" },
	{ "CONTENT_LENGTH", "how many bytes the body has", "RFC 3875 4.1.2" },
	{ "CONTENT_TYPE", "what the body is", "RFC 3875 4.1.3" },
	{ "GATEWAY_INTERFACE", "the version of CGI", "RFC 3875 4.1.4" },
	{ "PATH_INFO", "the path behind the script's, decoded by the server "
	    "and never again; for the application to route by",
	    "RFC 3875 4.1.5" },
	{ "PATH_TRANSLATED", "the file that PATH_INFO would be, were it a path "
	    "of this site", "RFC 3875 4.1.6" },
	{ "QUERY_STRING", "what is behind '?'; not decoded, that is left to "
	    "the application", "RFC 3875 4.1.7" },
	{ "REMOTE_ADDR", "the client's address", "RFC 3875 4.1.8" },
	{ "REMOTE_HOST", "the client's name", "RFC 3875 4.1.9" },
	{ "REMOTE_IDENT", "what the client's host says of its user",
	    "RFC 3875 4.1.10" },
	{ "REMOTE_USER", "who asks, as the server made sure",
	    "RFC 3875 4.1.11" },
	{ "REQUEST_METHOD", "the method, as the client wrote it",
	    "RFC 3875 4.1.12" },
	{ "SCRIPT_NAME", "the path that leads to the application; links begin "
	    "with it", "RFC 3875 4.1.13" },
	{ "SERVER_NAME", "the server's name for itself", "RFC 3875 4.1.14" },
	{ "SERVER_PORT", "the port the request came to", "RFC 3875 4.1.15" },
	{ "SERVER_PROTOCOL", "the version of HTTP", "RFC 3875 4.1.16" },
	{ "SERVER_SOFTWARE", "the server program", "RFC 3875 4.1.17" },
	{ "HTTP_AUTHORIZATION", "the client's header Authorization; servers "
	    "pass it on only if they are told to", "RFC 3875 4.1.18" },
	{ "HTTP_", "the client's header", "RFC 3875 4.1.18" },
	{ "CONTEXT_DOCUMENT_ROOT", "the folder that the script's URL leads to",
	    APACHE },
	{ "CONTEXT_PREFIX", "the URL path that leads to that folder",
	    APACHE },
	{ "DOCUMENT_ROOT", "the folder of the site", APACHE },
	{ "DOCUMENT_URI", "the path without the query",
	    "in no standard: nginx's" },
	{ "HTTPS", "on under TLS: wsgi.url_scheme follows", APACHE },
	{ "REMOTE_PORT", "the client's port", APACHE },
	{ "REQUEST_SCHEME", "http or https", APACHE },
	{ "REQUEST_URI", "path and query as the client wrote them; SCRIPT_NAME "
	    "and PATH_INFO are checked against it", APACHE },
	{ "SCRIPT_FILENAME", "the script's file", APACHE },
	{ "SCRIPT_URI", "the whole URL", APACHE " mod_rewrite" },
	{ "SCRIPT_URL", "the URL's path", APACHE " mod_rewrite" },
	{ "SERVER_ADDR", "the address the request came to", APACHE },
	{ "SERVER_ADMIN", "whom to write to", APACHE },
	{ "SERVER_SIGNATURE", "a line for error pages", APACHE },
	{ "UNIQUE_ID", "the request's id in logs", APACHE " mod_unique_id" },
	{ "REDIRECT_", "as it was before a redirect inside the server",
	    APACHE },
	{ "SSL_", "about the TLS connection", APACHE " mod_ssl" },
	{ "wsgi.version", "the version of WSGI", "PEP 3333" },
	{ "wsgi.url_scheme", "from HTTPS or REQUEST_SCHEME", "PEP 3333" },
	{ "wsgi.input", "standard input: the body, which ends at "
	    "CONTENT_LENGTH", "PEP 3333" },
	{ "wsgi.errors", "standard error: the log", "PEP 3333" },
	{ "wsgi.multithread", "no other thread calls the application",
	    "PEP 3333" },
	{ "wsgi.multiprocess", "other processes may, at the same time",
	    "PEP 3333" },
	{ "wsgi.run_once", "this process calls it once: this is CGI",
	    "PEP 3333" },
	{ "wsgi.file_wrapper", "sends a file by the kernel", "PEP 3333" },
	{ "wsgi.input_terminated", "reading to the end of the body is safe",
	    "a custom of WSGI servers" },
	{ "cgi2wsgi.preloaded", "whether a kept process answers",
	    "PEP 3333: a server's own" },
	{ "cgi2wsgi.version", "this program", "PEP 3333: a server's own" },
	{ "cgi2wsgi.request_id", "the id in log entries and pages",
	    "PEP 3333: a server's own" },
	{ "cgi2wsgi.", "what the server had said", "PEP 3333: a server's own" },
	{ "", "the server's own word about the request", "in no standard" },
};

static const struct rule omissions[] = {
	{ "HTTP_PROXY", "a client's header Proxy would become the proxy that "
	    "libraries ask", "httpoxy, CVE-2016-5385" },
	{ "HTTP_TRANSFER_ENCODING", "the body was received whole, and has a "
	    "length", "RFC 3875 4.2" },
	{ "HTTP_CONTENT_", "a client's header with '_' in its name would pass "
	    "for the server's word", "RFC 3875 4.1.18" },
	{ "CONTENT_", "empty or -1 means that there is none",
	    "PEP 3333: may be absent" },
	{ "", "it would not agree with SCRIPT_NAME and PATH_INFO any more",
	    "Django reads it" },
};

static const struct rule changes[] = {
	{ "CONTENT_LENGTH", "the body came in chunks: its length once all of "
	    "it was there", "RFC 3875 4.2" },
	{ "HTTP_COOKIE", "it came more than once: joined with '; '",
	    "RFC 6265 5.4" },
	{ "HTTP_HOST", "it came more than once: the last counts",
	    "RFC 9110 7.2: one host" },
	{ "HTTP_", "it came more than once: joined with ', '",
	    "RFC 9110 5.3" },
	{ "SERVER_NAME", "without the port, and never empty",
	    "PEP 3333: never empty" },
	{ "SERVER_PORT", "digits only, and never empty",
	    "PEP 3333: never empty" },
	{ "SERVER_PROTOCOL", "a version of HTTP, and never empty",
	    "PEP 3333: never empty" },
	{ "REQUEST_METHOD", "never empty", "PEP 3333: never empty" },
	{ "SCRIPT_NAME", "so that SCRIPT_NAME and PATH_INFO are the path that "
	    "the client asked for", "PEP 3333: URL reconstruction" },
	{ "PATH_INFO", "so that SCRIPT_NAME and PATH_INFO are the path that "
	    "the client asked for", "PEP 3333: URL reconstruction" },
	{ "QUERY_STRING", "REQUEST_URI still has it",
	    "PEP 3333: URL reconstruction" },
	{ "SCRIPT_URL", "to agree with SCRIPT_NAME and PATH_INFO",
	    "Django reads it" },
	{ "REDIRECT_URL", "to agree with SCRIPT_NAME and PATH_INFO",
	    "Django reads it" },
	{ "", "it came more than once: one of them counts",
	    "cgi2wsgi-application(7)" },
};

static const struct rule additions[] = {
	{ "SCRIPT_NAME", "never absent here", "PEP 3333: may be empty" },
	{ "PATH_INFO", "never absent here", "PEP 3333: may be empty" },
	{ "QUERY_STRING", "never absent here", "PEP 3333: may be empty" },
	{ "SERVER_", "the default; must be present", "PEP 3333" },
	{ "REQUEST_METHOD", "the default; must be present", "PEP 3333" },
	{ "CONTENT_LENGTH", "the body came in chunks: its length once all of "
	    "it was there", "RFC 3875 4.2" },
	{ "HTTP_AUTHORIZATION", "from the name with REDIRECT_ before it",
	    "Apache renames on redirects" },
	{ "REMOTE_USER", "from the name with REDIRECT_ before it",
	    "Apache renames on redirects" },
	{ "AUTH_TYPE", "from the name with REDIRECT_ before it",
	    "Apache renames on redirects" },
	{ "", NULL, NULL }, /* its meaning says it */
};
/* clang-format on */

static bool
rule_applies(const struct rule *rule, const char *name, size_t length)
{
	size_t known = strlen(rule->name);
	bool prefix = known == 0 || strchr("_.", rule->name[known - 1]);

	return (prefix ? known <= length : known == length) &&
	    memcmp(rule->name, name, known) == 0;
}

const struct rule *
rules_find(enum rules_about about, const char *name, size_t length)
{
	static const struct rule *const tables[] = {
		[RULES_MEANING] = meanings,
		[RULES_OMISSION] = omissions,
		[RULES_CHANGE] = changes,
		[RULES_ADDITION] = additions,
	};
	const struct rule *rule = tables[about];

	/* The last rule of a table applies to every name. */
	while (rule->meaning == NULL || !rule_applies(rule, name, length))
		rule = rule->meaning == NULL ? meanings : rule + 1;
	return rule;
}
