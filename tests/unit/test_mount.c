/* SCRIPT_NAME and PATH_INFO, as sixteen servers were seen to set them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_report.h"
#include "cgi/mount.h"

/* Repairs a request of these variables and looks at the result. */
#define ASSERT_MOUNT(script, path, ...) \
	assert_mount( \
	    NULL, NULL, (script), (path), (char *[]){ __VA_ARGS__, NULL })
/* The same with --script-name. */
#define ASSERT_PREFIX(prefix, script, path, ...) \
	assert_mount( \
	    (prefix), NULL, (script), (path), (char *[]){ __VA_ARGS__, NULL })
/* The same as Apache's Action. */
#define ASSERT_ACTION(tail, script, path, ...) \
	assert_mount( \
	    NULL, (tail), (script), (path), (char *[]){ __VA_ARGS__, NULL })

/* The last request that was repaired. */
static struct request request;

static void
assert_variable(const char *name, const char *expected)
{
	const char *found = request_value(&request, name);

	if (expected == NULL)
		assert_null(found);
	else {
		assert_non_null(found);
		assert_string_equal(found, expected);
	}
}

/* What it was before is kept, exactly if it is another now. */
static void
assert_kept(const struct request *before, const char *name, const char *kept)
{
	const char *then = request_value(before, name),
		   *now = request_value(&request, name);

	if (then == NULL ? now == NULL : now && strcmp(then, now) == 0)
		assert_variable(kept, NULL);
	else
		assert_variable(kept, then != NULL ? then : "");
}

static size_t
count(char **list)
{
	size_t n = 0;

	while (list[n] != NULL)
		n++;
	return n;
}

static void
assert_mount(const char *prefix, const char *action_tail, const char *script,
    const char *path, char **environment)
{
	char **copy = calloc(count(environment) + 1, sizeof(*copy));
	struct request before;

	assert_non_null(copy);
	memcpy(copy, environment, count(environment) * sizeof(*copy));
	assert_int_equal(request_open(&before, copy), 0);
	free(copy);
	free(request.variables);
	fake_report_reset();
	assert_int_equal(request_open(&request, environment), 0);
	assert_int_equal(mount_repair(&request, prefix, action_tail), 0);
	assert_variable("SCRIPT_NAME", script);
	assert_variable("PATH_INFO", path);
	assert_kept(&before, "SCRIPT_NAME", "cgi2wsgi.script_name");
	assert_kept(&before, "PATH_INFO", "cgi2wsgi.path_info");
	assert_kept(&before, "QUERY_STRING", "cgi2wsgi.query_string");
	assert_kept(&before, "SCRIPT_URL", "cgi2wsgi.script_url");
	assert_kept(&before, "REDIRECT_URL", "cgi2wsgi.redirect_url");
	free(before.variables);
}

static void
test_plain(void **state)
{
	/* B16: a script by its own name is left alone. */
	(void)state;
	ASSERT_MOUNT("/cgi-bin/app.cgi", "/a/b", "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "PATH_INFO=/a/b", "REQUEST_URI=/cgi-bin/app.cgi/a/b?x=1");
	ASSERT_MOUNT("/cgi-bin/app.cgi", NULL, "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "REQUEST_URI=/cgi-bin/app.cgi");
	ASSERT_MOUNT("/cgi-bin/app.cgi", "", "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "PATH_INFO=", "REQUEST_URI=/cgi-bin/app.cgi");
	ASSERT_MOUNT("/cgi-bin/app.cgi", "/", "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "PATH_INFO=/", "REQUEST_URI=/cgi-bin/app.cgi/");
	ASSERT_MOUNT("/mnt", "/a/b", "SCRIPT_NAME=/mnt", "PATH_INFO=/a/b",
	    "REQUEST_URI=/mnt/a/b");
	ASSERT_MOUNT("", "/a/b c", "SCRIPT_NAME=", "PATH_INFO=/a/b c",
	    "REQUEST_URI=/a/b%20c?x=1");
}

static void
test_no_request_uri(void **state)
{
	/* B16: mini-httpd and python-http set none. */
	(void)state;
	ASSERT_MOUNT("/cgi-bin/app.cgi", "/a", "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "PATH_INFO=/a");
	ASSERT_MOUNT("/app.cgi", "/app.cgi/a", "SCRIPT_NAME=/app.cgi",
	    "PATH_INFO=/app.cgi/a");
	ASSERT_MOUNT(NULL, NULL, "PATH=/bin");
	ASSERT_MOUNT(NULL, "/a", "PATH_INFO=/a", "REQUEST_URI=/a");
}

static void
test_repeated_path(void **state)
{
	/* B16: a client may well ask for a page called like the script. */
	(void)state;
	ASSERT_MOUNT("/app.cgi", "/app.cgi", "SCRIPT_NAME=/app.cgi",
	    "PATH_INFO=/app.cgi", "REQUEST_URI=/app.cgi/app.cgi");
	ASSERT_MOUNT("/a", "/a/x", "SCRIPT_NAME=/a", "PATH_INFO=/a/x",
	    "REQUEST_URI=/a/a/x");
	ASSERT_MOUNT("/a", "/a", "SCRIPT_NAME=/a", "PATH_INFO=/a",
	    "REQUEST_URI=/%61/%61?");
	ASSERT_MOUNT("/mnt", "/mnty", "SCRIPT_NAME=/mnt", "PATH_INFO=/mnty",
	    "REQUEST_URI=/mnt/mnty");
}

static void
test_repeated_path_normalised(void **state)
{
	/* B16: the same where the server took out slashes and dots. */
	(void)state;
	ASSERT_MOUNT("/a", "/a/x", "SCRIPT_NAME=/a", "PATH_INFO=/a/x",
	    "REQUEST_URI=/a//a/x");
	ASSERT_MOUNT("/a", "/a/x", "SCRIPT_NAME=/a", "PATH_INFO=/a/x",
	    "REQUEST_URI=/a/./a/x");
	ASSERT_MOUNT("/a", "/a/x", "SCRIPT_NAME=/a", "PATH_INFO=/a/x",
	    "REQUEST_URI=/a/b/../a/x");
	ASSERT_MOUNT("/a", "/a/x", "SCRIPT_NAME=/a", "PATH_INFO=/a/x",
	    "REQUEST_URI=/a/%2e/a/x");
}

static void
test_action(void **state)
{
	/* B16: SCRIPT_NAME was the program's, PATH_INFO the script's. */
	(void)state;
	ASSERT_ACTION("/a/b", "/act/app.wsgi", "/a/b",
	    "SCRIPT_NAME=/cgi-bin/direct", "PATH_INFO=/act/app.wsgi/a/b",
	    "REQUEST_URI=/act/app.wsgi/a/b?x=1",
	    "REDIRECT_URL=/act/app.wsgi/a/b", "REDIRECT_STATUS=200",
	    "REDIRECT_HANDLER=wsgi-script");
	assert_variable("REDIRECT_URL", "/act/app.wsgi/a/b");
	ASSERT_ACTION("", "/act/app.wsgi", "", "SCRIPT_NAME=/cgi-bin/direct",
	    "PATH_INFO=/act/app.wsgi", "REQUEST_URI=/act/app.wsgi",
	    "REDIRECT_URL=/act/app.wsgi", "REDIRECT_STATUS=200",
	    "REDIRECT_HANDLER=wsgi-script");
	ASSERT_ACTION("/a\xff"
		      "b\xc3",
	    "/act/app.wsgi",
	    "/a\xff"
	    "b\xc3",
	    "SCRIPT_NAME=/cgi-bin/direct",
	    "PATH_INFO=/act/app.wsgi/a\xff"
	    "b\xc3",
	    "REQUEST_URI=/act/app.wsgi/a%FFb%C3", "REDIRECT_STATUS=200");
	ASSERT_ACTION("/x/act/app.wsgi", "/act/app.wsgi", "/x/act/app.wsgi",
	    "SCRIPT_NAME=/cgi-bin/direct",
	    "PATH_INFO=/act/app.wsgi/x/act/app.wsgi",
	    "REQUEST_URI=/act/app.wsgi/x/act/app.wsgi");
}

static void
test_action_doubtful(void **state)
{
	/* B16: without the file's tail in PATH_INFO nothing is known. */
	(void)state;
	ASSERT_ACTION("/index.html", "/cgi-bin/direct", "/act/app.wsgi/",
	    "SCRIPT_NAME=/cgi-bin/direct", "PATH_INFO=/act/app.wsgi/",
	    "REQUEST_URI=/act/app.wsgi/");
}

static void
test_htaccess(void **state)
{
	/* B16: RewriteRule ^(.*)$ app.cgi/$1; app.cgi vanishes from links. */
	(void)state;
	ASSERT_MOUNT("/front", "/a/b", "SCRIPT_NAME=/front/app.cgi",
	    "PATH_INFO=/a/b", "REQUEST_URI=/front/a/b?x=1&y=%20",
	    "REDIRECT_URL=/front/a/b", "REDIRECT_STATUS=200");
	assert_variable("REDIRECT_URL", "/front/a/b");
	ASSERT_MOUNT("/front", "/", "SCRIPT_NAME=/front/app.cgi", "PATH_INFO=/",
	    "REQUEST_URI=/front/", "REDIRECT_URL=/front/",
	    "REDIRECT_STATUS=200");
	ASSERT_MOUNT("", "/p", "SCRIPT_NAME=/app.cgi", "PATH_INFO=/p",
	    "REQUEST_URI=/p", "REDIRECT_URL=/p", "REDIRECT_STATUS=200");
	ASSERT_MOUNT("", "/", "SCRIPT_NAME=/app.cgi", "PATH_INFO=/",
	    "REQUEST_URI=/", "REDIRECT_URL=/", "REDIRECT_STATUS=200");
	/* Slashes merged, %2F decoded, dots removed: Apache's word counts. */
	ASSERT_MOUNT("/front", "/a/b c/\xc3\xa9/x/z",
	    "SCRIPT_NAME=/front/app.cgi", "PATH_INFO=/a/b c/\xc3\xa9/x/z",
	    "REQUEST_URI=/front/a/b%20c/%C3%A9%2Fx//y/../z?x=1&y=%20",
	    "REDIRECT_URL=/front/a/b c/\xc3\xa9/x/z", "REDIRECT_STATUS=200");
	/* The script elsewhere. */
	ASSERT_MOUNT("/shop", "/a", "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "PATH_INFO=/a", "REQUEST_URI=/shop/a", "REDIRECT_URL=/shop/a",
	    "REDIRECT_STATUS=200");
}

static void
test_htaccess_doubtful(void **state)
{
	/* B16: REDIRECT_URL does not end in PATH_INFO. */
	(void)state;
	ASSERT_MOUNT("/front/app.cgi", "/page", "SCRIPT_NAME=/front/app.cgi",
	    "PATH_INFO=/page", "REQUEST_URI=/front/old",
	    "REDIRECT_URL=/front/old", "REDIRECT_STATUS=200");
	assert_variable("REDIRECT_URL", "/front/app.cgi/page");
	ASSERT_MOUNT("/fallback/app.cgi", NULL, "SCRIPT_NAME=/fallback/app.cgi",
	    "REQUEST_URI=/fallback/p", "REDIRECT_STATUS=200");
	ASSERT_MOUNT("/diridx/app.cgi", NULL, "SCRIPT_NAME=/diridx/app.cgi",
	    "REQUEST_URI=/diridx/");
}

static void
test_server_rewrite(void **state)
{
	/* B16: RewriteRule ^/rw/(.*)$ /cgi-bin/app.cgi/$1 [PT] */
	(void)state;
	ASSERT_MOUNT("/rw", "/a/b", "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "PATH_INFO=/a/b", "REQUEST_URI=/rw/a/b?x=1", "SCRIPT_URL=/rw/a/b");
	ASSERT_MOUNT("/rw", "/", "SCRIPT_NAME=/cgi-bin/app.cgi", "PATH_INFO=/",
	    "REQUEST_URI=/rw/", "SCRIPT_URL=/rw/");
	ASSERT_MOUNT("/rw", "/caf\xe9", "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "PATH_INFO=/caf\xe9", "REQUEST_URI=/rw/caf\xe9",
	    "SCRIPT_URL=/rw/caf\xe9");
	/* An unwritten URL with mod_rewrite on. */
	ASSERT_MOUNT("/cgi-bin/app.cgi", "/a/x/z",
	    "SCRIPT_NAME=/cgi-bin/app.cgi", "PATH_INFO=/a/x/z",
	    "REQUEST_URI=/cgi-bin/app.cgi/a%2Fx//y/../z",
	    "SCRIPT_URL=/cgi-bin/app.cgi/a/x/z");
	/* [B] encodes PATH_INFO. */
	ASSERT_MOUNT("/cgi-bin/app.cgi", "/a%2f",
	    "SCRIPT_NAME=/cgi-bin/app.cgi", "PATH_INFO=/a%2f",
	    "REQUEST_URI=/rwb/a/", "SCRIPT_URL=/rwb/a/");
	assert_variable("SCRIPT_URL", "/cgi-bin/app.cgi/a%2f");
}

static void
test_included(void **state)
{
	/* B16: an SSI include has PATH_INFO in SCRIPT_NAME as well. */
	(void)state;
	ASSERT_MOUNT("/cgi-bin/app.cgi", "/ssi/pi", "SERVER_PROTOCOL=INCLUDED",
	    "SCRIPT_NAME=/cgi-bin/app.cgi/ssi/pi", "PATH_INFO=/ssi/pi",
	    "REQUEST_URI=/apps/inc.shtml");
	ASSERT_MOUNT("/cgi-bin/app.cgi", NULL, "SERVER_PROTOCOL=INCLUDED",
	    "SCRIPT_NAME=/cgi-bin/app.cgi", "REQUEST_URI=/apps/exec.shtml");
	ASSERT_MOUNT("/cgi-bin/app.cgi/ssi/pi", "/ssi/pi",
	    "SERVER_PROTOCOL=HTTP/1.1", "SCRIPT_NAME=/cgi-bin/app.cgi/ssi/pi",
	    "PATH_INFO=/ssi/pi", "REQUEST_URI=/apps/inc.shtml");
}

static void
test_try_files(void **state)
{
	/* B16: nginx recipes with PATH_INFO=$document_uri. */
	(void)state;
	ASSERT_MOUNT("/front", "/p", "SCRIPT_NAME=/front/p",
	    "SCRIPT_NAME=/front", "PATH_INFO=/front/p", "REQUEST_URI=/front/p",
	    "REDIRECT_STATUS=200");
	ASSERT_MOUNT("/front", "/", "SCRIPT_NAME=/front/", "SCRIPT_NAME=/front",
	    "PATH_INFO=/front/", "REQUEST_URI=/front/", "REDIRECT_STATUS=200");
	ASSERT_MOUNT("/front", "/a", "SCRIPT_NAME=/front", "PATH_INFO=/front/a",
	    "REQUEST_URI=/front//a", "REDIRECT_STATUS=200");
	ASSERT_MOUNT("/front", "/a/b c/\xc3\xa9/x/z", "SCRIPT_NAME=/front",
	    "PATH_INFO=/front/a/b c/\xc3\xa9/x/z",
	    "REQUEST_URI=/front/a/b%20c/%C3%A9%2Fx//y/../z?x=1&y=%20",
	    "REDIRECT_STATUS=200");
	ASSERT_MOUNT("/front", "/front/p", "SCRIPT_NAME=/front",
	    "PATH_INFO=/front/front/p", "REQUEST_URI=/front/front/p",
	    "REDIRECT_STATUS=200");
}

static void
test_try_files_root(void **state)
{
	/* B16: the same at the root, with or without its own SCRIPT_NAME. */
	(void)state;
	ASSERT_MOUNT("", "/a/b", "SCRIPT_NAME=/a/b",
	    "SCRIPT_NAME=", "PATH_INFO=/a/b", "REQUEST_URI=/a/b?x=1",
	    "REDIRECT_STATUS=200");
	ASSERT_MOUNT("", "/a/b", "SCRIPT_NAME=/a/b", "PATH_INFO=/a/b",
	    "REQUEST_URI=/a/b?x=1", "REDIRECT_STATUS=200");
	ASSERT_MOUNT("", "/", "SCRIPT_NAME=/", "PATH_INFO=/", "REQUEST_URI=/",
	    "REDIRECT_STATUS=200");
	ASSERT_MOUNT("", "/a", "SCRIPT_NAME=", "PATH_INFO=/a",
	    "REQUEST_URI=//a", "REDIRECT_STATUS=200");
}

static void
test_lighttpd_rewrite(void **state)
{
	/* B16: url.rewrite; only REQUEST_URI has what was asked for. */
	(void)state;
	ASSERT_MOUNT("/front", "/a/b", "SCRIPT_NAME=/front/app.wsgi",
	    "PATH_INFO=/a/b", "REQUEST_URI=/front/a/b?x=1&y=%20",
	    "REDIRECT_STATUS=200",
	    "REDIRECT_URI=/front/app.wsgi/a/b?x=1&y=%20");
	ASSERT_MOUNT("/front", "/a", "SCRIPT_NAME=/front/app.wsgi",
	    "PATH_INFO=/a", "REQUEST_URI=/front//a", "REDIRECT_STATUS=200");
	ASSERT_MOUNT("", "/", "SCRIPT_NAME=/app.wsgi", "PATH_INFO=/",
	    "REQUEST_URI=/", "REDIRECT_STATUS=200");
	ASSERT_MOUNT("", "/a", "SCRIPT_NAME=/app.wsgi", "PATH_INFO=/a",
	    "REQUEST_URI=//a", "REDIRECT_STATUS=200");
	/* What lies elsewhere does not show through. */
	ASSERT_MOUNT("/cgi-bin/app.cgi", "/a/b", "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "PATH_INFO=/a/b", "REQUEST_URI=/walk/app.cgi/a/b",
	    "REDIRECT_STATUS=200");
	ASSERT_MOUNT("/frontage/app.wsgi", "/a",
	    "SCRIPT_NAME=/frontage/app.wsgi", "PATH_INFO=/a",
	    "REQUEST_URI=/front/a", "REDIRECT_STATUS=200");
	/* Apache's MultiViews: /apps/app is /apps/app.cgi. */
	ASSERT_MOUNT("/apps/app.cgi", "/p", "SCRIPT_NAME=/apps/app.cgi",
	    "PATH_INFO=/p", "REQUEST_URI=/apps/app/p");
}

static void
test_error_page(void **state)
{
	/* B16: an ErrorDocument answers for a URL that is not its own. */
	(void)state;
	ASSERT_MOUNT("/cgi-bin/app.cgi", "/err", "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "PATH_INFO=/err", "REQUEST_URI=/missing/a/b?x=1",
	    "QUERY_STRING=", "REDIRECT_URL=/missing/a/b",
	    "REDIRECT_STATUS=404");
	ASSERT_MOUNT("/cgi-bin/app.cgi", "/err", "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "PATH_INFO=/err", "REQUEST_URI=/missing/err",
	    "REDIRECT_URL=/missing/err", "REDIRECT_STATUS=404");
	assert_variable("cgi2wsgi.redirect_url", "/missing/err");
	ASSERT_MOUNT("/app.wsgi", NULL, "SCRIPT_NAME=/app.wsgi",
	    "REQUEST_URI=/a/b?x=1", "QUERY_STRING=", "REDIRECT_STATUS=404",
	    "REDIRECT_URI=/app.wsgi");
}

static void
test_whole_url(void **state)
{
	/* B16: Apache keeps an absolute-form target in REQUEST_URI. */
	(void)state;
	ASSERT_MOUNT("/front", "/p", "SCRIPT_NAME=/front/app.wsgi",
	    "PATH_INFO=/p", "REQUEST_URI=http://other.example:99/front/p?x=1");
	ASSERT_PREFIX("/mnt", "/mnt", "/p", "SCRIPT_NAME=/app.cgi",
	    "REQUEST_URI=http://other.example:99/mnt/p?x=/mnt/q",
	    "QUERY_STRING=x=/mnt/q");
	ASSERT_PREFIX("/", "", "/", "SCRIPT_NAME=/app.cgi",
	    "REQUEST_URI=http://other.example?x=1", "QUERY_STRING=x=1");
	ASSERT_PREFIX("/", "", "/", "SCRIPT_NAME=/app.cgi",
	    "REQUEST_URI=http://other.example");
}

static void
test_no_path(void **state)
{
	/* B16, I5: REQUEST_URI need not be a path. */
	(void)state;
	ASSERT_MOUNT("/app.cgi", NULL, "SCRIPT_NAME=/app.cgi", "REQUEST_URI=*",
	    "REQUEST_METHOD=OPTIONS");
	ASSERT_MOUNT("/app.cgi", "/a", "SCRIPT_NAME=/app.cgi", "PATH_INFO=/a",
	    "REQUEST_URI=host.example:443", "REQUEST_METHOD=CONNECT");
	ASSERT_MOUNT("/app.cgi", "/a", "SCRIPT_NAME=/app.cgi", "PATH_INFO=/a",
	    "REQUEST_URI=");
	ASSERT_MOUNT("/app.cgi", "/a", "SCRIPT_NAME=/app.cgi", "PATH_INFO=/a",
	    "REQUEST_URI=..");
	ASSERT_MOUNT("/app.cgi", "/a", "SCRIPT_NAME=/app.cgi", "PATH_INFO=/a",
	    "REQUEST_URI=b/../..");
}

static void
test_prefix(void **state)
{
	/* B16: --script-name; PATH_INFO is what follows in REQUEST_URI. */
	(void)state;
	ASSERT_PREFIX("/fallback", "/fallback", "/p",
	    "SCRIPT_NAME=/fallback/app.cgi", "REQUEST_URI=/fallback/p");
	ASSERT_PREFIX("/fallback", "/fallback", "/",
	    "SCRIPT_NAME=/fallback/app.cgi", "REQUEST_URI=/fallback/");
	ASSERT_PREFIX("/fallback", "/fallback", NULL,
	    "SCRIPT_NAME=/fallback/app.cgi", "REQUEST_URI=/fallback");
	ASSERT_PREFIX("/fallback", "/fallback", "",
	    "SCRIPT_NAME=/fallback/app.cgi", "PATH_INFO=/wrong",
	    "REQUEST_URI=/fallback?x=1", "QUERY_STRING=x=1");
	ASSERT_PREFIX("/mnt", "/mnt", "//a/../b\xff/", "SCRIPT_NAME=/app.cgi",
	    "REQUEST_URI=/m%6et//a/../b%ff%2F");
	ASSERT_PREFIX("/mnt", "/mnt", "/a?b", "SCRIPT_NAME=/app.cgi",
	    "REQUEST_URI=/mnt/a%3Fb?c", "QUERY_STRING=c");
	assert_null(fake_report_line());
}

static void
test_prefix_root(void **state)
{
	/* B16: --script-name / and a slash at the end of a prefix. */
	(void)state;
	ASSERT_PREFIX("/", "", "/a/b", "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "REQUEST_URI=/a/b");
	ASSERT_PREFIX(
	    "/", "", "/", "SCRIPT_NAME=/cgi-bin/app.cgi", "REQUEST_URI=/");
	ASSERT_PREFIX(
	    "/", "", "//a", "SCRIPT_NAME=", "PATH_INFO=/a", "REQUEST_URI=//a");
	ASSERT_PREFIX(
	    "///", "", "/a", "SCRIPT_NAME=/app.cgi", "REQUEST_URI=/a");
	ASSERT_PREFIX("/mnt/", "/mnt", "/a", "SCRIPT_NAME=/app.cgi",
	    "REQUEST_URI=/mnt/a");
	assert_null(fake_report_line());
}

static void
test_prefix_query(void **state)
{
	/* B16: lighttpd's error-handler-404 loses the query. */
	(void)state;
	ASSERT_PREFIX("/", "", "/a/b", "SCRIPT_NAME=/app.wsgi",
	    "REQUEST_URI=/a/b?x=1&y=%20",
	    "QUERY_STRING=", "REDIRECT_STATUS=404", "REDIRECT_URI=/app.wsgi");
	assert_variable("QUERY_STRING", "x=1&y=%20");
	ASSERT_PREFIX(
	    "/", "", "/a", "SCRIPT_NAME=/app.wsgi", "REQUEST_URI=/a?x?y");
	assert_variable("QUERY_STRING", "x?y");
	ASSERT_PREFIX("/", "", "/a", "SCRIPT_NAME=/app.wsgi",
	    "REQUEST_URI=/a?x=1", "QUERY_STRING=y=2");
	assert_variable("QUERY_STRING", "y=2");
	ASSERT_PREFIX("/", "", "/a", "SCRIPT_NAME=/app.wsgi", "REQUEST_URI=/a");
	assert_variable("QUERY_STRING", NULL);
}

static void
test_prefix_elsewhere(void **state)
{
	/* B16, D3: REQUEST_URI is not below it; the log says so. */
	(void)state;
	ASSERT_PREFIX("/mnt", "/mnt", "/p", "SCRIPT_NAME=/app.cgi",
	    "PATH_INFO=/p", "REQUEST_URI=/mount/p");
	assert_non_null(fake_report_line());
	assert_non_null(strstr(fake_report_line(), "/mount/p"));
	ASSERT_PREFIX("/mnt", "/mnt", "/p", "SCRIPT_NAME=/app.cgi",
	    "PATH_INFO=/p", "REQUEST_URI=/mnts/p");
	assert_non_null(fake_report_line());
	ASSERT_PREFIX("/mnt", "/mnt", NULL, "SCRIPT_NAME=/app.cgi");
	ASSERT_PREFIX("/mnt", "/mnt", "/p", "SCRIPT_NAME=/app.cgi",
	    "PATH_INFO=/p", "REQUEST_URI=*");
}

static void
test_prefix_over_all(void **state)
{
	/* B16: --script-name comes before every other repair. */
	(void)state;
	ASSERT_PREFIX("/a", "/a", "/b/p", "SCRIPT_NAME=/a/b/app.cgi",
	    "PATH_INFO=/p", "REQUEST_URI=/a/b/p", "REDIRECT_URL=/a/b/p",
	    "REDIRECT_STATUS=200");
	assert_mount("/mnt", "/p", "/mnt", "/p",
	    (char *[]){ "SCRIPT_NAME=/cgi-bin/direct",
		"PATH_INFO=/act/app.wsgi/p", "REQUEST_URI=/mnt/p",
		"REDIRECT_STATUS=200", NULL });
}

static void
test_off(void **state)
{
	/* B16: --script-name off repairs nothing. */
	(void)state;
	ASSERT_PREFIX("off", "/front/app.cgi", "/a",
	    "SCRIPT_NAME=/front/app.cgi", "PATH_INFO=/a",
	    "REQUEST_URI=/front/a?x", "REDIRECT_URL=/front/a",
	    "SCRIPT_URL=/front/a", "REDIRECT_STATUS=200", "QUERY_STRING=");
	assert_variable("REDIRECT_URL", "/front/a");
	assert_variable("SCRIPT_URL", "/front/a");
	assert_variable("QUERY_STRING", "");
	ASSERT_PREFIX("off", NULL, NULL, "REQUEST_URI=/front/a");
}

static void
test_django(void **state)
{
	/* B16: SCRIPT_URL and REDIRECT_URL agree with the result. */
	(void)state;
	ASSERT_PREFIX("/mnt", "/mnt", "/p", "SCRIPT_NAME=/app.cgi",
	    "REQUEST_URI=/mnt/p", "REDIRECT_URL=/other/x/p",
	    "SCRIPT_URL=/third/x/p", "REDIRECT_STATUS=200");
	assert_variable("REDIRECT_URL", "/mnt/p");
	assert_variable("SCRIPT_URL", "/mnt/p");
	/* Django squeezes double slashes and would count wrongly. */
	ASSERT_PREFIX("/mnt", "/mnt", "//p", "SCRIPT_NAME=/app.cgi",
	    "REQUEST_URI=/mnt//p", "REDIRECT_URL=/mnt/p", "SCRIPT_URL=/mnt/p",
	    "REDIRECT_STATUS=200");
	assert_variable("REDIRECT_URL", NULL);
	assert_variable("SCRIPT_URL", NULL);
	/* None is made up. */
	ASSERT_PREFIX(
	    "/mnt", "/mnt", "/p", "SCRIPT_NAME=/app.cgi", "REQUEST_URI=/mnt/p");
	assert_variable("REDIRECT_URL", NULL);
	assert_variable("SCRIPT_URL", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_no_request_uri),
		cmocka_unit_test(test_repeated_path),
		cmocka_unit_test(test_repeated_path_normalised),
		cmocka_unit_test(test_action),
		cmocka_unit_test(test_action_doubtful),
		cmocka_unit_test(test_htaccess),
		cmocka_unit_test(test_htaccess_doubtful),
		cmocka_unit_test(test_server_rewrite),
		cmocka_unit_test(test_included),
		cmocka_unit_test(test_try_files),
		cmocka_unit_test(test_try_files_root),
		cmocka_unit_test(test_lighttpd_rewrite),
		cmocka_unit_test(test_error_page),
		cmocka_unit_test(test_whole_url),
		cmocka_unit_test(test_no_path),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_prefix_root),
		cmocka_unit_test(test_prefix_query),
		cmocka_unit_test(test_prefix_elsewhere),
		cmocka_unit_test(test_prefix_over_all),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_django),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
