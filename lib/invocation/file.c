/* Names are compared by what they lead to. */

#include <sys/stat.h>

#include <string.h>

#include "cgi/alloc.h"
#include "invocation/file.h"

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
		return alloc_text(".");
	return alloc_part(path, slash == path ? 1 : (size_t)(slash - path));
}

char *
file_path(const char *folder, const char *name)
{
	return *name == '/' ? alloc_text(name)
			    : alloc_print("%s/%s", folder, name);
}
