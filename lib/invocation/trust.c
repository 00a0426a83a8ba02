/*
 * What everyone may write, anyone may have written (H5). That goes for a
 * folder, too: what lies in it can be replaced. With the sticky bit, as /tmp
 * has it, others cannot replace what is there, but still add to it. So a folder
 * above the application's may be like that, its own folder may not.
 */

#include <sys/stat.h>

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/alloc.h"
#include "cgi/report.h"
#include "invocation/file.h"
#include "invocation/trust.h"
#include "invocation/words.h"

static const char run_code[] = "run code here",
		  replace_log[] = "replace the log",
		  set_variables[] = "set variables here";

static int
refuse_shared(const char *path, bool folder, const char *harm)
{
	const char *word = words_quote(path);
	struct stat st;

	/* Such a folder is everyone's for a reason, as /tmp, and stays so. */
	if (stat(path, &st) == 0 && st.st_mode & S_ISVTX)
		return report_fail(REPORT_UNSAFE_FILE,
		    "everyone may write the folder %s, so anyone could %s: "
		    "use another folder",
		    word, harm);
	return report_fail(REPORT_UNSAFE_FILE,
	    "everyone may write %s%s, so anyone could %s: chmod o-w %s",
	    folder ? "the folder " : "", word, harm, word);
}

static int
check_mode(const char *path, const char *harm)
{
	struct stat st;

	if (stat(path, &st) == -1 || !(st.st_mode & S_IWOTH) ||
	    !(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)))
		return 0;
	return refuse_shared(path, S_ISDIR(st.st_mode), harm);
}

/* Checks what a name leads through: itself if it is a folder, all above it. */
static int
check_chain(const char *path, const char *harm)
{
	char *name = alloc_text(path), *end = name;
	struct stat st;
	int result = 0;

	while (result == 0 && end != NULL) {
		const char *at = *name != '\0' ? name : "/";

		if (stat(at, &st) == 0 && S_ISDIR(st.st_mode) &&
		    st.st_mode & S_IWOTH && !(st.st_mode & S_ISVTX))
			result = refuse_shared(at, true, harm);
		if ((end = strrchr(name, '/')) != NULL)
			*end = '\0';
	}
	free(name);
	return result;
}

/* Checks the folders of the name as it was given, and as links resolve it. */
static int
check_above(const char *path, const char *harm)
{
	char *real = realpath(path, NULL);
	int result = 0;

	if (*path == '/' && (real == NULL || strcmp(real, path) != 0))
		result = check_chain(path, harm);
	if (result == 0 && real != NULL)
		result = check_chain(real, harm);
	free(real);
	return result;
}

static int
check_folder(const char *path, const char *harm)
{
	return check_mode(path, harm) == 0 ? check_above(path, harm) : -1;
}

/* Compiled code is read from there. */
static int
check_cache(const char *folder)
{
	char *cache = file_path(folder, "__pycache__");
	int result = check_mode(cache, run_code);

	free(cache);
	return result;
}

/* A virtual environment: what Python reads in it, whatever its version. */
static int
check_venv(const char *venv)
{
	char *config = file_path(venv, "pyvenv.cfg"),
	     *lib = file_path(venv, "lib"), *packages;
	DIR *folder = opendir(lib);
	struct dirent *entry;
	int result = -1;

	if (check_folder(venv, run_code) == 0 &&
	    check_mode(config, run_code) == 0)
		result = check_mode(lib, run_code);
	while (result == 0 && folder != NULL &&
	    (entry = readdir(folder)) != NULL) {
		if (strncmp(entry->d_name, "python", 6) != 0)
			continue;
		packages = alloc_print(
		    "%s/%s/site-packages", lib, entry->d_name);
		result = check_folder(packages, run_code);
		free(packages);
	}
	if (folder != NULL)
		closedir(folder);
	free(lib);
	free(config);
	return result;
}

/* The folder of a name, and that of the file where a link leads. */
static int
check_folders_of(const char *path, const char *harm)
{
	char *real = realpath(path, NULL), *folder;
	const char *const names[] = { path, real };
	int result = 0, i;

	for (i = 0; result == 0 && i < 2 && names[i] != NULL; i++) {
		folder = file_folder(names[i]);
		result = check_folder(folder, harm);
		free(folder);
	}
	free(real);
	return result;
}

/*
 * In words, what a file that begins so is, and what to write instead. NULL: it
 * may be Python source.
 */
static const char *
describe_kind(const unsigned char *start, size_t size)
{
	const unsigned char *feed = memchr(start, '\n', size);

	/* zipapp puts a #! line before the archive. */
	if (size > 2 && start[0] == '#' && start[1] == '!' && feed != NULL) {
		size -= (size_t)(feed + 1 - start);
		start = feed + 1;
	}
	if (size < 4)
		return NULL;
	if (memcmp(start, "PK\3\4", 4) == 0)
		return "a zip archive: name a module in it instead. At a "
		       "terminal: --path ARCHIVE MODULE; in a script: #! line "
		       "with --path ARCHIVE, then: from MODULE import "
		       "application";
	if (size > 8 && memcmp(start + 2, "\r\n", 2) == 0 &&
	    memcmp(start + 5, "\0\0\0", 3) == 0)
		return "compiled Python (.pyc): name its source instead; or, "
		       "with it beside a script as MODULE.pyc, write there: "
		       "from MODULE import application";
	if (memcmp(start, "\xff\xfe", 2) == 0 ||
	    memcmp(start, "\xfe\xff", 2) == 0 ||
	    (start[0] != 0 && start[1] == 0 && start[3] == 0) ||
	    (start[0] == 0 && start[1] != 0 && start[2] == 0))
		return "text in UTF-16 or UTF-32, which Python does not read: "
		       "save it as UTF-8, or type: iconv -f UTF-16 -t UTF-8";
	if (memcmp(start, "\177ELF", 4) == 0)
		return "a program for the processor, not Python: name the "
		       "Python file";
	return memchr(start, '\0', size) != NULL
	    ? "no text: it has bytes that are 0. Name a file of Python source"
	    : NULL;
}

static int
check_source(const char *file)
{
	FILE *from = fopen(file, "re");
	unsigned char start[4096];
	const char *kind = NULL;
	size_t size;

	if (from != NULL) {
		size = fread(start, 1, sizeof(start), from);
		kind = describe_kind(start, size);
		fclose(from);
	}
	return kind == NULL
	    ? 0
	    : report_fail(REPORT_FILE_KIND, "%s is %s", file, kind);
}

int
trust_check_file(const char *file, const char *folder, const char *name)
{
	char *named = file_folder(name);
	int result = 0;

	if (check_mode(file, run_code) == -1 ||
	    check_folder(folder, run_code) == -1 ||
	    /* A link can be replaced in its own folder. */
	    (strcmp(named, folder) != 0 &&
		check_folder(named, run_code) == -1) ||
	    check_cache(folder) == -1 || check_source(file) == -1)
		result = -1;
	free(named);
	return result;
}

/* A shell would have replaced ~ and $NAME; nothing does so in a #! line. */
static int
refuse_unexpanded(int letter, const char *name, const char *path)
{
	const char *dollar = strchr(name, '$');

	if ((*name != '~' && dollar == NULL) || access(path, F_OK) == 0)
		return 0;
	return report_fail(REPORT_USAGE,
	    "%s '%s': nothing is expanded here, neither ~ nor $NAME: write "
	    "the whole name, or one that starts from the script's folder",
	    options_name(letter), name);
}

/* What a folder or file is for decides what everyone could do there. */
static int
check_path(int letter, const char *path)
{
	switch (letter) {
	case OPTION_PATH:
		return check_folder(path, run_code) == 0 ? check_cache(path)
							 : -1;
	case OPTION_VENV: return check_venv(path);
	case OPTION_LOG:
		return check_mode(path, replace_log) == 0
		    ? check_folders_of(path, replace_log)
		    : -1;
	/* The file itself is looked at when it is open. */
	case OPTION_ENV_FILE: return check_folders_of(path, set_variables);
	default: return check_above(path, run_code);
	}
}

int
trust_check_options(const struct options *options, const char *folder)
{
	const struct given_option *option;
	char *path;
	int i, result = 0;

	for (i = 0; result == 0 && i < options->count; i++) {
		option = &options->given[i];
		if (option->letter != OPTION_PATH &&
		    option->letter != OPTION_VENV &&
		    option->letter != OPTION_CHDIR &&
		    option->letter != OPTION_LOG &&
		    option->letter != OPTION_CACHE &&
		    option->letter != OPTION_ENV_FILE)
			continue;
		path = file_path(folder, option->value);
		result = refuse_unexpanded(option->letter, option->value, path);
		if (result == 0)
			result = check_path(option->letter, path);
		free(path);
	}
	return result;
}
