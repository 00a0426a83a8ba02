/*
 * Who can write an image runs code with the rights of whoever thaws it, and
 * who can read one reads the application's secrets. So it lies in a folder of
 * the user's own that no server hands out, and nothing on the way there may
 * be in anybody else's hands. No libc: thaw.c uses this, too.
 */

#include <linux/fcntl.h>
#include <linux/stat.h>
#include <stddef.h>

#include "image/place.h"
#include "image/raw.h"

#define NAME_DIGITS 16
#define HASH UINT64_C(0xcbf29ce484222325) /* FNV-1a's beginning */
/* d_type, readdir(3) */
#define TYPE_UNKNOWN 0
#define TYPE_FOLDER 4
#define TYPE_LINK 10

/* As getdents64(2) has it. */
struct entry {
	uint64_t inode, offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

int
place_begins(const char *text, const char *words)
{
	int i;

	for (i = 0; words[i] != '\0'; i++)
		if (text[i] != words[i])
			return 0;
	return i;
}

bool
place_equal(const char *one, const char *other)
{
	while (*one != '\0' && *one == *other) {
		one++;
		other++;
	}
	return *one == *other;
}

const char *
place_variable(char **environment, const char *name)
{
	int length;

	for (; *environment != NULL; environment++)
		if ((length = place_begins(*environment, name)) > 0 &&
		    (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

static void
fill_stat(long result, const struct statx *from, struct image_stat *to)
{
	*to = (struct image_stat){ 0 };
	if (result != 0)
		return;
	to->device = (uint64_t)from->stx_dev_major << 32 | from->stx_dev_minor;
	to->inode = from->stx_ino;
	to->mode = (uint64_t)from->stx_uid << 32 | from->stx_mode;
	to->size = from->stx_size;
	to->changed = from->stx_mtime.tv_sec * 1000000000 +
	    from->stx_mtime.tv_nsec;
	to->touched = from->stx_ctime.tv_sec * 1000000000 +
	    from->stx_ctime.tv_nsec;
}

void
place_stat(int folder, const char *path, int flags, struct image_stat *stat)
{
	struct statx found;

	fill_stat(raw_call_6(__NR_statx, folder, path, flags, STATX_BASIC_STATS,
		      &found, 0),
	    &found, stat);
}

bool
place_same(
    const struct image_stat *one, const struct image_stat *other, uint64_t how)
{
	/* H5: a folder that others may write to has the request refused. */
	if (one->device != other->device || one->inode != other->inode ||
	    one->mode != other->mode)
		return false;
	return how == IMAGE_WHICH ||
	    (one->size == other->size && one->changed == other->changed &&
		one->touched == other->touched);
}

static uint64_t
hash_text(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	while (*text++ != '\0');
	return hash;
}

/* A package is a folder; whatever has another ending is no module. */
static bool
may_be_module(const char *name, unsigned char type)
{
	const char *at = name, *ending = NULL;

	for (; *at != '\0'; at++)
		if (*at == '.')
			ending = at;
	if (ending != NULL)
		return place_equal(ending, ".py") ||
		    place_equal(ending, ".so") || place_equal(ending, ".pyc");
	return (type == TYPE_FOLDER || type == TYPE_LINK ||
		   type == TYPE_UNKNOWN) &&
	    !place_equal(name, "__pycache__");
}

/*
 * What a folder is like to Python's import system: in place of size and times,
 * a sum of the names that can be modules. An application may keep a database
 * in its own folder, which changes with each request.
 */
static void
look_at_names(const char *path, struct image_stat *stat)
{
	char buffer[8192];
	const struct entry *entry;
	long got, at;
	int folder;

	stat->size = 0;
	stat->changed = stat->touched = 0;
	if ((stat->mode & 0170000) != 0040000)
		return;
	folder = (int)raw_call_4(
	    __NR_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	while (folder >= 0 &&
	    (got = raw_call_4(
		 __NR_getdents64, folder, buffer, sizeof(buffer), 0)) > 0)
		for (at = 0; at < got; at += entry->length) {
			entry = (const void *)(buffer + at);
			/* In whatever order they come. */
			if (may_be_module(entry->name, entry->type))
				stat->size += hash_text(HASH, entry->name);
		}
	if (folder >= 0)
		raw_call_4(__NR_close, folder, 0, 0, 0);
}

void
place_look(const char *path, uint64_t how, struct image_stat *stat)
{
	place_stat(AT_FDCWD, path, 0, stat);
	if (how == IMAGE_NAMES)
		look_at_names(path, stat);
}

int
place_append(char *path, int length, const char *text)
{
	for (; *text != '\0'; text++, length++)
		if (length < PLACE_SIZE - 1)
			path[length] = *text;
	path[length < PLACE_SIZE ? length : PLACE_SIZE - 1] = '\0';
	return length;
}

int
place_append_number(char *path, int length, uint64_t number)
{
	char digits[24];
	int i = (int)sizeof(digits);

	digits[--i] = '\0';
	do
		digits[--i] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	return place_append(path, length, digits + i);
}

static uint64_t
effective_user(void)
{
	return (uint64_t)raw_call_4(__NR_geteuid, 0, 0, 0, 0);
}

bool
place_is_private(const struct image_stat *stat)
{
	uint64_t owner = stat->mode >> 32;

	return (owner == 0 || owner == effective_user()) &&
	    (stat->mode & 022) == 0;
}

/* Others may have names of their own in a sticky folder, but not take ours. */
static bool
is_safe_above(const struct image_stat *stat)
{
	uint64_t owner = stat->mode >> 32;

	return (owner == 0 || owner == effective_user()) &&
	    ((stat->mode & 022) == 0 || (stat->mode & 01000) != 0);
}

/*
 * The folder that was opened, under its name without links: each folder above
 * it, and then itself.
 */
static bool
is_safe_folder(int folder)
{
	char link[32], path[PLACE_SIZE];
	struct image_stat stat;
	long length, i;

	place_append_number(
	    link, place_append(link, 0, "/proc/self/fd/"), (uint64_t)folder);
	length = raw_call_4(
	    __NR_readlinkat, AT_FDCWD, link, path, sizeof(path) - 1);
	if (length <= 0 || path[0] != '/')
		return false;
	path[length] = '\0';
	for (i = 1; i < length; i++) {
		if (path[i] != '/')
			continue;
		path[i] = '\0';
		place_stat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &stat);
		path[i] = '/';
		if ((stat.mode & 0170000) != 0040000 || !is_safe_above(&stat))
			return false;
	}
	place_stat(folder, "", AT_EMPTY_PATH, &stat);
	return place_is_private(&stat);
}

/*
 * The value of --cache in the words of a #! line or of CGI2WSGI_ARGS. Quotes
 * and names that start from the script's folder are not understood: keep.c
 * finds that out, and saves nothing.
 */
static int
append_option(const struct place_caller *caller, char path[PLACE_SIZE])
{
	const char *words = caller->is_line
	    ? (caller->argc == 3 ? caller->argv[1] : NULL)
	    : place_variable(caller->environment, "CGI2WSGI_ARGS");
	int length = 0, skip;

	for (; words != NULL && *words != '\0'; words++) {
		skip = place_begins(words, "--cache");
		if (skip == 0 || (words[skip] != ' ' && words[skip] != '='))
			continue;
		for (words += skip + 1; *words != '\0' && *words != ' ';
		     words++)
			if (length < PLACE_SIZE - 1)
				path[length++] = *words;
		path[length] = '\0';
		return length;
	}
	return 0;
}

/* python/cache.c chooses among the same. */
static int
name_place(const struct place_caller *caller, char path[PLACE_SIZE], int which)
{
	const char *home = place_variable(caller->environment, "HOME");
	int length = append_option(caller, path);

	if (length > 0)
		return which == 0 ? length : 0;
	switch (which) {
	case 1:
		return place_append_number(path,
		    place_append(path, 0, "/var/cache/cgi2wsgi/"),
		    effective_user());
	case 2:
		return home == NULL
		    ? 0
		    : place_append(path, place_append(path, 0, home),
			  "/.cache/cgi2wsgi");
	case 3:
		return place_append_number(path,
		    place_append(path, 0, "/var/tmp/cgi2wsgi-"),
		    effective_user());
	default: return 0;
	}
}

int
place_open(const struct place_caller *caller, int which)
{
	char path[PLACE_SIZE];
	int length = name_place(caller, path, which), folder;

	if (length == 0 || length >= PLACE_SIZE || path[0] != '/')
		return -1;
	folder = (int)raw_call_4(
	    __NR_openat, AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (folder >= 0 && is_safe_folder(folder))
		return folder;
	if (folder >= 0)
		raw_call_4(__NR_close, folder, 0, 0, 0);
	return -1;
}

/*
 * Images of several hosts and options lie side by side. What a client sends
 * is no part of this (H7): thaw.c looks for none where argv holds query words.
 */
static uint64_t
hash_caller(const struct place_caller *caller)
{
	const char *args = place_variable(caller->environment, "CGI2WSGI_ARGS");
	uint64_t hash = hash_text(HASH, caller->boot);
	int i;

	hash = hash_text(hash, caller->execfn);
	for (i = 1; caller->is_line && i < caller->argc; i++)
		hash = hash_text(hash, caller->argv[i]);
	return caller->is_line || args == NULL ? hash : hash_text(hash, args);
}

void
place_name(const struct place_caller *caller, const char *ending,
    char name[PLACE_NAME])
{
	static const char digit[] = "0123456789abcdef";
	uint64_t hash = hash_caller(caller);
	int i;

	for (i = NAME_DIGITS; i > 0; hash >>= 4)
		name[--i] = digit[hash & 15];
	place_append(name, NAME_DIGITS, ending);
}

bool
place_boot(char boot[40])
{
	int file = (int)raw_call_4(__NR_openat, AT_FDCWD,
	    "/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC, 0);
	long got, i;

	for (i = 0; i < 40; i++)
		boot[i] = '\0';
	if (file < 0)
		return false;
	got = raw_call_4(__NR_read, file, boot, 39, 0);
	raw_call_4(__NR_close, file, 0, 0, 0);
	return got > 0;
}

uint64_t
place_sum(const struct image *image)
{
	const uint64_t *word = (const uint64_t *)&image->head,
		       *end = (const uint64_t *)image + image->head / 8;
	uint64_t sum = IMAGE_MAGIC;

	for (; word < end; word++)
		sum = (sum ^ *word) * UINT64_C(0x9e3779b97f4a7c15) +
		    (sum >> 29);
	return sum;
}
