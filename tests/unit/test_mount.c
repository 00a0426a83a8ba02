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
	ASSERT_MOUNT(NULL, "/", "PATH=/bin");
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
	/* B16: nothing that was asked for ends in PATH_INFO. */
	(void)state;
	ASSERT_MOUNT("/front/app.cgi", "/page", "SCRIPT_NAME=/front/app.cgi",
	    "PATH_INFO=/page", "REQUEST_URI=/front/old",
	    "REDIRECT_URL=/front/old", "REDIRECT_STATUS=200");
	assert_variable("REDIRECT_URL", "/front/app.cgi/page");
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
	/* [B] encodes PATH_INFO; B11: nobody decodes it again. */
	ASSERT_MOUNT("/rwb", "/a%2f", "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "PATH_INFO=/a%2f", "REQUEST_URI=/rwb/a/", "SCRIPT_URL=/rwb/a/");
	assert_variable("SCRIPT_URL", "/rwb/a%2f");
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
	ASSERT_MOUNT("/app.cgi", NULL, "SERVER_PROTOCOL=INCLUDED",
	    "SCRIPT_NAME=/app.cgi", "REQUEST_URI=/page.shtml?x");
	assert_variable("QUERY_STRING", NULL);
	/* The page includes a URL that .htaccess rewrites. */
	ASSERT_MOUNT("/front", "/a/b", "SERVER_PROTOCOL=INCLUDED",
	    "SCRIPT_NAME=/front/app.cgi/a/b", "PATH_INFO=/a/b",
	    "REQUEST_URI=/page.shtml", "REDIRECT_URL=/front/a/b",
	    "REDIRECT_STATUS=200");
	ASSERT_PREFIX("/", "", "/a", "SERVER_PROTOCOL=INCLUDED",
	    "SCRIPT_NAME=/app.cgi/a", "PATH_INFO=/a",
	    "REQUEST_URI=/page.shtml");
	assert_null(fake_report_line());
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
	ASSERT_MOUNT("", "/a/", "SCRIPT_NAME=/a/", "PATH_INFO=/a/",
	    "REQUEST_URI=/a/", "REDIRECT_STATUS=200");
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
	/* The script may lie elsewhere. */
	ASSERT_MOUNT("/walk/app.cgi", "/a/b", "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "PATH_INFO=/a/b", "REQUEST_URI=/walk/app.cgi/a/b",
	    "REDIRECT_STATUS=200");
	ASSERT_MOUNT("/front", "/a", "SCRIPT_NAME=/frontage/app.wsgi",
	    "PATH_INFO=/a", "REQUEST_URI=/front/a", "REDIRECT_STATUS=200");
}

static void
test_root(void **state)
{
	/* B16, case 1: the root's SCRIPT_NAME is empty, its PATH_INFO "/". */
	(void)state;
	ASSERT_MOUNT("", "/", "SCRIPT_NAME=/", "REQUEST_URI=/");
	ASSERT_MOUNT("", "/", "SCRIPT_NAME=/", "PATH_INFO=", "REQUEST_URI=/?x");
	ASSERT_MOUNT("", "/", "SCRIPT_NAME=/", "PATH_INFO=/", "REQUEST_URI=/");
	ASSERT_MOUNT("", "/", "SCRIPT_NAME=//", "PATH_INFO=");
	ASSERT_MOUNT("", "/", "SCRIPT_NAME=", "PATH_INFO=", "REQUEST_URI=/");
	ASSERT_MOUNT("", "/", "SCRIPT_NAME=", "PATH_INFO=");
	ASSERT_MOUNT("", "/", "SCRIPT_NAME=", "REQUEST_URI=*");
	ASSERT_MOUNT("", "/", "SCRIPT_NAME=", "REQUEST_URI=http://a.example");
	ASSERT_MOUNT("", "/a/b", "SCRIPT_NAME=", "REQUEST_URI=/a/b?x");
	ASSERT_MOUNT("", "/a//b\xff",
	    "SCRIPT_NAME=", "PATH_INFO=", "REQUEST_URI=/a//b%ff");
	ASSERT_MOUNT("", "/a/b", "SCRIPT_NAME=/", "REQUEST_URI=/a/b");
	ASSERT_MOUNT(
	    "", "/a/b", "SCRIPT_NAME=/", "PATH_INFO=/a/b", "REQUEST_URI=/a/b");
	ASSERT_MOUNT(
	    "", "/a/b", "SCRIPT_NAME=/", "PATH_INFO=a/b", "REQUEST_URI=/a/b");
	ASSERT_MOUNT("", "/a/b", "SCRIPT_NAME=/", "PATH_INFO=a/b");
	/* ScriptAlias "/app/" "/srv/app.cgi"; a slash that is another's. */
	ASSERT_MOUNT("/app", "/", "SCRIPT_NAME=/app/", "REQUEST_URI=/app/");
	ASSERT_MOUNT("/app", "/", "SCRIPT_NAME=/app/");
	ASSERT_MOUNT("/app", "/a", "SCRIPT_NAME=/app/", "PATH_INFO=/a",
	    "REQUEST_URI=/app/a");
}

static void
test_nginx(void **state)
{
	/* B16, case 1: the stock parameters' SCRIPT_NAME is the whole path. */
	(void)state;
	ASSERT_MOUNT("", "/a//b", "SCRIPT_NAME=/a//b", "REQUEST_URI=/a//b?x",
	    "SCRIPT_FILENAME=/srv/app.cgi", "SERVER_SOFTWARE=nginx/1.22.1");
	ASSERT_MOUNT("", "/", "SCRIPT_NAME=/", "REQUEST_URI=/",
	    "SCRIPT_FILENAME=/srv/app.cgi", "SERVER_SOFTWARE=nginx/1.22.1");
	ASSERT_MOUNT("/x/app.cgi", NULL, "SCRIPT_NAME=/x/app.cgi",
	    "REQUEST_URI=/x/app.cgi", "SCRIPT_FILENAME=/srv/x/app.cgi",
	    "SERVER_SOFTWARE=nginx/1.22.1");
	/* The deployer's own words. */
	ASSERT_MOUNT("/shop", "", "SCRIPT_NAME=/shop",
	    "PATH_INFO=", "REQUEST_URI=/shop", "SCRIPT_FILENAME=/srv/app.cgi",
	    "SERVER_SOFTWARE=nginx/1.22.1");
	ASSERT_MOUNT("/shop", NULL, "SCRIPT_NAME=/shop", "SCRIPT_NAME=/shop",
	    "REQUEST_URI=/shop", "SCRIPT_FILENAME=/srv/app.cgi",
	    "SERVER_SOFTWARE=nginx/1.22.1");
	/* Other servers have a script of any name there. */
	ASSERT_MOUNT("/notes", NULL, "SCRIPT_NAME=/notes", "REQUEST_URI=/notes",
	    "SCRIPT_FILENAME=/srv/app.cgi",
	    "SERVER_SOFTWARE=Apache/2.4.71 (Debian)");
}

static void
test_lost_path(void **state)
{
	/* B16: an empty PATH_INFO is REQUEST_URI less SCRIPT_NAME. */
	(void)state;
	ASSERT_MOUNT("/mnt", "/a/b", "SCRIPT_NAME=/mnt",
	    "REQUEST_URI=/mnt/a/b?x=1", "QUERY_STRING=x=1");
	ASSERT_MOUNT("/mnt", "/a//b/./c", "SCRIPT_NAME=/mnt",
	    "PATH_INFO=", "REQUEST_URI=/mnt/a//b/./c");
	ASSERT_MOUNT(
	    "/mnt", "/p", "SCRIPT_NAME=/mnt", "REQUEST_URI=/x/%2E%2e//mnt/p");
	ASSERT_MOUNT(
	    "/mnt", "/p", "SCRIPT_NAME=/mnt", "REQUEST_URI=/mnt/../mnt/p");
	ASSERT_MOUNT("/mnt", "/\xc3\xa9/b c", "SCRIPT_NAME=/mnt",
	    "REQUEST_URI=/m%6Et/%C3%A9/b%20c");
	/* MultiViews: app is app.cgi, unless something was rewritten. */
	ASSERT_MOUNT(
	    "/x/app", NULL, "SCRIPT_NAME=/x/app.cgi", "REQUEST_URI=/x/app?q");
	ASSERT_MOUNT("/x/app", "/p", "SCRIPT_NAME=/x/app.cgi", "PATH_INFO=/p",
	    "REQUEST_URI=/x/app/p");
	ASSERT_MOUNT("/x", "/app", "SCRIPT_NAME=/x/app.cgi",
	    "REQUEST_URI=/x/app", "REDIRECT_STATUS=200", "REDIRECT_URL=/x/app");
}

static void
test_lost_path_of_folder(void **state)
{
	/* B16: the folder's, where DirectoryIndex or a rule leads to it. */
	(void)state;
	ASSERT_MOUNT("/diridx", "/", "SCRIPT_NAME=/diridx/app.cgi",
	    "REQUEST_URI=/diridx/?x", "QUERY_STRING=x");
	ASSERT_MOUNT("", "/", "SCRIPT_NAME=/app.cgi", "REQUEST_URI=/");
	ASSERT_MOUNT("/fallback", "/p", "SCRIPT_NAME=/fallback/app.cgi",
	    "REQUEST_URI=/fallback/p", "REDIRECT_STATUS=200");
	ASSERT_MOUNT("/fallback", NULL, "SCRIPT_NAME=/fallback/app.cgi",
	    "REQUEST_URI=/fallback");
	/* WordPress's rule. */
	ASSERT_MOUNT("/blog", "/a//b", "SCRIPT_NAME=/blog/app.cgi",
	    "REQUEST_URI=/blog/a//b", "REDIRECT_URL=/blog/a/b",
	    "REDIRECT_STATUS=200");
	assert_variable("REDIRECT_URL", NULL);
	ASSERT_MOUNT("", "/blog", "SCRIPT_NAME=/app.cgi", "REQUEST_URI=/blog",
	    "REDIRECT_URL=/blog", "REDIRECT_STATUS=200");
	/* nginx's try_files drops the query. */
	ASSERT_MOUNT("", "/a", "SCRIPT_NAME=/app.cgi",
	    "PATH_INFO=", "REQUEST_URI=/a?x=1",
	    "QUERY_STRING=", "REDIRECT_STATUS=200");
	assert_variable("QUERY_STRING", "x=1");
	/* The script's name, but in another folder. */
	ASSERT_MOUNT("/walk/app.cgi", NULL, "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "REQUEST_URI=/x/..//walk/app.cgi", "REDIRECT_STATUS=200");
	/* DirectoryIndex public/app.cgi */
	ASSERT_MOUNT("", "/", "SCRIPT_NAME=/public/app.cgi",
	    "PATH_INFO=", "REQUEST_URI=/");
	ASSERT_MOUNT("/site", "/", "SCRIPT_NAME=/site/public/app.cgi",
	    "REQUEST_URI=//site/", "REDIRECT_STATUS=200");
	/* The script lies elsewhere: nobody knows where its pages begin. */
	ASSERT_MOUNT("/cgi-bin/app.cgi", NULL, "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "REQUEST_URI=/a/b", "REDIRECT_STATUS=200");
	ASSERT_MOUNT("/cgi-bin/app.cgi", NULL, "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "REQUEST_URI=/cgi-bins/a", "REDIRECT_STATUS=200");
}

static void
test_two_steps(void **state)
{
	/* B16, case 2: REDIRECT_URL names a step in between. */
	(void)state;
	ASSERT_MOUNT("/site", "/a/b", "SCRIPT_NAME=/site/public/app.cgi",
	    "PATH_INFO=/a/b", "REQUEST_URI=/site/a/b?x=1",
	    "REDIRECT_URL=/site/public/a/b", "REDIRECT_STATUS=200");
	assert_variable("REDIRECT_URL", "/site/a/b");
	assert_variable("cgi2wsgi.redirect_url", "/site/public/a/b");
	ASSERT_MOUNT("/site", "/", "SCRIPT_NAME=/site/public/app.cgi",
	    "PATH_INFO=/", "REQUEST_URI=/site/", "REDIRECT_STATUS=200",
	    "REDIRECT_URL=/site/public/");
	ASSERT_MOUNT("", "/a b/\xc3\xa9", "SCRIPT_NAME=/public/app.cgi",
	    "PATH_INFO=/a b/\xc3\xa9", "REQUEST_URI=//a%20b//%C3%A9",
	    "REDIRECT_URL=/public/a b/\xc3\xa9", "REDIRECT_STATUS=200");
	/* CGIVar REQUEST_URI current-uri */
	ASSERT_MOUNT("/site", "/a", "SCRIPT_NAME=/site/app.cgi", "PATH_INFO=/a",
	    "REQUEST_URI=/site/app.cgi/a", "REDIRECT_URL=/site/a",
	    "REDIRECT_STATUS=200");
	/* AllowEncodedSlashes NoDecode */
	ASSERT_MOUNT("", "/a%2Fb", "SCRIPT_NAME=/public/app.cgi",
	    "PATH_INFO=/a%2Fb", "REQUEST_URI=/a%2Fb",
	    "REDIRECT_URL=/public/a%2Fb", "REDIRECT_STATUS=200");
	/* The second step as WordPress has it, or a DirectoryIndex. */
	ASSERT_MOUNT("/site", "/a/b", "SCRIPT_NAME=/site/public/app.cgi",
	    "REQUEST_URI=/site/a/b", "REDIRECT_URL=/site/public/a/b",
	    "REDIRECT_STATUS=200");
	ASSERT_MOUNT("", "/", "SCRIPT_NAME=/public/app.cgi", "REQUEST_URI=/",
	    "REDIRECT_URL=/public/", "REDIRECT_STATUS=200");
	/* The script's folder by its own name. */
	ASSERT_MOUNT("/site/public", "/a", "SCRIPT_NAME=/site/public/app.cgi",
	    "PATH_INFO=/a", "REQUEST_URI=/site/public/a",
	    "REDIRECT_URL=/site/public/a", "REDIRECT_STATUS=200");
	/* A rewriting to an Action's file. */
	ASSERT_ACTION("/a/b", "/site", "/a/b", "SCRIPT_NAME=/run",
	    "PATH_INFO=/site/app.wsgi/a/b", "REQUEST_URI=/site/a//b",
	    "REDIRECT_URL=/site/app.wsgi/a/b", "REDIRECT_STATUS=200");
	ASSERT_ACTION("", "/site", "/", "SCRIPT_NAME=/run",
	    "PATH_INFO=/site/app.wsgi", "REQUEST_URI=/site/",
	    "REDIRECT_URL=/site/app.wsgi", "REDIRECT_STATUS=200");
}

static void
test_hostile_uri(void **state)
{
	/* B16: no spelling of a URL puts another host into SCRIPT_NAME. */
	(void)state;
	ASSERT_MOUNT("/front", "/a", "SCRIPT_NAME=/front/app.cgi",
	    "PATH_INFO=/a", "REQUEST_URI=//evil.example/../front/a",
	    "REDIRECT_URL=/front/a", "REDIRECT_STATUS=200");
	ASSERT_MOUNT("/front", "/a", "SCRIPT_NAME=/front/app.cgi",
	    "PATH_INFO=/a", "REQUEST_URI=//evil.example/%2e%2e//front/a");
	ASSERT_MOUNT("/evil.example", "/a", "SCRIPT_NAME=/app.cgi",
	    "PATH_INFO=/a", "REQUEST_URI=//evil.example//a");
	ASSERT_MOUNT("/app.cgi", NULL, "SCRIPT_NAME=/app.cgi",
	    "REQUEST_URI=?http://evil.example/app.cgi/a");
	ASSERT_MOUNT("/app.cgi", NULL, "SCRIPT_NAME=/app.cgi",
	    "REQUEST_URI=x?http://evil.example/app.cgi/a");
	ASSERT_MOUNT("/cgi-bin/app.cgi", "/a", "SCRIPT_NAME=/cgi-bin/app.cgi",
	    "PATH_INFO=/a", "REQUEST_URI=/cgi-bin/app.cgi/a",
	    "HTTP_REDIRECT_URL=/x/a", "HTTP_SCRIPT_NAME=/x",
	    "HTTP_SCRIPT_URL=/x/a", "HTTP_REQUEST_URI=/x/a",
	    "HTTP_X_FORWARDED_PREFIX=/x", "HTTP_X_SCRIPT_NAME=/x",
	    "HTTP_X_ORIGINAL_URL=/x/a", "HTTP_X_REWRITE_URL=/x/a");
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
	assert_variable("REDIRECT_URL", "/missing/err");
	assert_variable("cgi2wsgi.redirect_url", NULL);
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
	/* B16, case 7: what is not below it stays; the log says so. */
	(void)state;
	ASSERT_PREFIX("/mnt", "/app.cgi", "/p", "SCRIPT_NAME=/app.cgi",
	    "PATH_INFO=/p", "REQUEST_URI=/mount/p?x",
	    "QUERY_STRING=", "REDIRECT_URL=/x", "SCRIPT_URL=/y");
	assert_variable("QUERY_STRING", "");
	assert_variable("REDIRECT_URL", "/x");
	assert_variable("SCRIPT_URL", "/y");
	assert_non_null(fake_report_line());
	assert_non_null(strstr(fake_report_line(), "/mount/p"));
	ASSERT_PREFIX("/mnt", "/app.cgi", "/p", "SCRIPT_NAME=/app.cgi",
	    "PATH_INFO=/p", "REQUEST_URI=/mnts/p");
	assert_non_null(fake_report_line());
	/* As the server reads it, that is. */
	ASSERT_PREFIX("/mnt", "/app.cgi", NULL, "SCRIPT_NAME=/app.cgi",
	    "REQUEST_URI=/mnt/../p");
	ASSERT_PREFIX("/mnt", "/app.cgi", NULL, "SCRIPT_NAME=/app.cgi",
	    "REQUEST_URI=/mnt/%2e%2E/p");
	ASSERT_PREFIX("/mnt", "/mnt", "/p", "SCRIPT_NAME=/app.cgi",
	    "REQUEST_URI=/x/..//mnt/p");
	ASSERT_PREFIX("/mnt", "/mnt", "/p", "SCRIPT_NAME=/app.cgi",
	    "REQUEST_URI=/mnt/../mnt/p");
	/* Nothing says where it is. */
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
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_nginx),
		cmocka_unit_test(test_lost_path),
		cmocka_unit_test(test_lost_path_of_folder),
		cmocka_unit_test(test_two_steps),
		cmocka_unit_test(test_hostile_uri),
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
