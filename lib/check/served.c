/*
 * Where a server's files lie is in its configuration, which this cannot read.
 * The script's own folder is one of them on most hosts; others are told by
 * their names.
 */

#include <sys/stat.h>

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/buffer.h"
#include "check/finding.h"
#include "check/served.h"
#include "invocation/file.h"
#include "invocation/words.h"

/* Names of files that are not for everyone, as frameworks and tools use them */
static const char *const secrets[] = { ".env*", ".git", ".hg", ".svn", ".netrc",
	".pgpass", "*.db", "*.sqlite", "*.sqlite3", "*.sql", "*.pem", "*.key",
	"*settings*.py", "*secret*", "*password*", "*credential*" };

static bool
is_root_name(const char *folder)
{
	static const char *const names[] = { "public_html", "htdocs",
		"httpdocs", "html", "wwwroot", "webroot" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(file_base(folder), names[i]) == 0)
			return true;
	return false;
}

char *
served_root(const char *folder, const struct settings *settings)
{
	char *root, *slash;
	int i;

	for (i = 0; i < settings->count; i++)
		if (settings->list[i].name != NULL &&
		    strcmp(settings->list[i].name, "DOCUMENT_ROOT") == 0 &&
		    served_has(settings->list[i].value, folder))
			return realpath(settings->list[i].value, NULL);
	if ((root = strdup(folder)) == NULL)
		return NULL;
	while (!is_root_name(root) && (slash = strrchr(root, '/')) != NULL)
		*slash = '\0';
	if (*root == '\0') {
		free(root);
		root = strdup(folder);
	}
	return root;
}

/* A file need not be there; the folder that it shall lie in does. */
bool
served_has(const char *root, const char *path)
{
	char *real = realpath(path, NULL), *above = file_folder(path),
	     *folder = realpath(root, NULL);
	size_t length = folder != NULL ? strlen(folder) : 0;
	bool result = false;

	if (real == NULL && above != NULL)
		real = realpath(above, NULL);
	if (real != NULL && folder != NULL)
		result = strncmp(real, folder, length) == 0 &&
		    (real[length] == '/' || real[length] == '\0');
	free(folder);
	free(above);
	free(real);
	return result;
}

/*
 * J1: what Python compiled has the source's constants in it, and no server
 * takes it for a program. app.cgi's is called app.cgi-cpython-311.pyc, app.py's
 * app.cpython-311.pyc. That of a module which is there is made again.
 */
static void
check_compiled(const char *cache, const char *name, const char *script)
{
	const char *base = file_base(script), *mark = strstr(name, "cpython-");
	size_t length = strlen(base), known;
	bool own, orphan = false;
	char *path, *source;

	if (mark == NULL || mark == name ||
	    fnmatch("*.pyc", name, 0) == FNM_NOMATCH)
		return;
	if (length > 3 && strcmp(base + length - 3, ".py") == 0)
		length -= 3;
	known = (size_t)(mark - name) - 1;
	own = known == length && strncmp(name, base, length) == 0;
	if (!own &&
	    asprintf(&source, "%s/../%.*s.py", cache, (int)known, name) != -1) {
		orphan = access(source, F_OK) == -1;
		free(source);
	}
	if ((!own && !orphan) || asprintf(&path, "%s/%s", cache, name) == -1)
		return;
	finding_add("cache-public",
	    "%s is %s, and lies where a server may hand it out, with what is "
	    "secret in the source\ntype: rm %s",
	    path, own ? "the compiled script" : "compiled, without its source",
	    words_quote(path));
	free(path);
}

static void
check_cache(const char *folder, const char *script)
{
	char *cache;
	DIR *entries;
	struct dirent *entry;

	if (asprintf(&cache, "%s/__pycache__", folder) == -1)
		return;
	entries = opendir(cache);
	while (entries != NULL && (entry = readdir(entries)) != NULL)
		check_compiled(cache, entry->d_name, script);
	if (entries != NULL)
		closedir(entries);
	free(cache);
}

/*
 * The server is often another user than the script's: it reads what others
 * may, or what the checked user may without owning it.
 */
static bool
is_readable(const struct user *account, const char *folder, const char *name)
{
	char *path;
	struct stat st;
	bool result = false;

	if (asprintf(&path, "%s/%s", folder, name) == -1)
		return false;
	if (stat(path, &st) == 0)
		result = st.st_mode & S_IROTH ||
		    (st.st_uid != account->uid &&
			user_may(account, path, R_OK));
	free(path);
	return result;
}

static bool
is_secret(const char *name, const char *script)
{
	size_t i;

	for (i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
		if (fnmatch(secrets[i], name, 0) == 0)
			return strcmp(name, file_base(script)) != 0;
	return false;
}

static void
check_secrets(
    const struct user *account, const char *folder, const char *script)
{
	DIR *entries = opendir(folder);
	struct buffer names = { 0 };
	struct dirent *entry;

	while (entries != NULL && (entry = readdir(entries)) != NULL)
		if (is_secret(entry->d_name, script) &&
		    is_readable(account, folder, entry->d_name))
			buffer_print(&names, "%s%s", names.length ? ", " : "",
			    entry->d_name);
	if (entries != NULL)
		closedir(entries);
	if (names.length > 0)
		finding_add("secret-public",
		    "others may read %s in %s, and a server may hand that "
		    "out\nmove it to a folder that is not served, or take "
		    "the right to read it from others: chmod o-r",
		    names.bytes, folder);
	free(names.bytes);
}

void
served_check(const struct user *account, const char *script, const char *root)
{
	char *folder = file_folder(script), *slash;

	if (folder != NULL)
		check_cache(folder, script);
	while (folder != NULL && served_has(root, folder)) {
		check_secrets(account, folder, script);
		if ((slash = strrchr(folder, '/')) == NULL || slash == folder)
			break;
		*slash = '\0';
	}
	free(folder);
	if (!finding_has("cache-public") && !finding_has("secret-public"))
		finding_add("served",
		    "nothing in %s looks like a secret that "
		    "a server may hand out",
		    root);
}
