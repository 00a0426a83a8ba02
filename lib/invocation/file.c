/* What everyone may write, anyone may have written (H5). */

#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>

#include "cgi/report.h"
#include "invocation/file.h"
#include "invocation/words.h"

bool
file_is_regular(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool
file_is_same(const char *one, const char *other)
{
	struct stat a, b;

	return stat(one, &a) == 0 && stat(other, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

const char *
file_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

char *
file_folder(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

int
file_refuse_shared(const char *path, const char *what)
{
	const char *word;
	struct stat st;

	if (stat(path, &st) == -1 || !(st.st_mode & S_IWOTH) ||
	    !(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)))
		return 0;
	word = words_quote(path);
	return report_fail(REPORT_UNSAFE_FILE,
	    "everyone may write %s%s, so anyone could run code here: "
	    "chmod o-w %s",
	    what, word, word);
}
