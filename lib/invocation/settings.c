/* A list; which of its variables reach the process is not decided here. */

#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/alloc.h"
#include "cgi/report.h"
#include "cgi/secret.h"
#include "invocation/settings.h"
#include "invocation/words.h"

void
settings_append_pair(
    struct settings *settings, const char *name, const char *value)
{
	settings->list = alloc_items(settings->list,
	    (size_t)settings->count + 1, sizeof(*settings->list));
	settings->list[settings->count++] = (struct setting){ name, value };
}

bool
settings_append(struct settings *settings, const char *text)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || equals == text)
		return false;
	settings_append_pair(settings,
	    alloc_part(text, (size_t)(equals - text)), alloc_text(equals + 1));
	return true;
}

/* Secrets belong there, for others can read a server's files and ps(1). */
static int
check_owner(FILE *from, const char *file, uid_t owner)
{
	struct stat st;

	if (fstat(fileno(from), &st) == -1 || !S_ISREG(st.st_mode))
		return report_fail(REPORT_NO_FILE,
		    "--env-file: %s is not a regular file", file);
	if (st.st_mode & S_IRWXO)
		return report_fail(REPORT_UNSAFE_FILE,
		    "--env-file: others may read or write %s: chmod o= %s",
		    file, words_quote(file));
	if (st.st_uid != geteuid() && st.st_uid != 0 && st.st_uid != owner)
		return report_fail(REPORT_UNSAFE_FILE,
		    "--env-file: %s belongs to user %ld, who is neither user "
		    "%ld, who runs this, nor root, nor the script's owner",
		    file, (long)st.st_uid, (long)geteuid());
	return 0;
}

/* One line without its end. It may be a secret: no message repeats it. */
static int
read_setting(struct settings *settings, const char *line, size_t length,
    const char *file, int number)
{
	const char *text = line + strspn(line, " \t\v\f"), *equals;
	const struct setting *last;

	if (*text == '#' || (*text == '\0' && text == line + length))
		return 0;
	equals = strchr(text, '=');
	if (equals == NULL || equals == text || strlen(line) < length ||
	    strcspn(text, " \t\v\f") < (size_t)(equals - text))
		return report_fail(REPORT_USAGE,
		    "--env-file: %s, line %d: NAME=VALUE is needed, without "
		    "blanks in the name",
		    file, number);
	settings_append(settings, text);
	last = &settings->list[settings->count - 1];
	return secret_add(last->name, last->value) == 0 ? 0
							: report_no_memory();
}

static int
read_lines(struct settings *settings, FILE *from, const char *file)
{
	static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8 */
	char *line = NULL, *text;
	size_t room = 0, length;
	int number = 0, result = 0;
	ssize_t got;

	while (result == 0 && (got = getline(&line, &room, from)) != -1) {
		length = (size_t)got;
		if (length > 0 && line[length - 1] == '\n')
			line[--length] = '\0';
		if (length > 0 && line[length - 1] == '\r')
			line[--length] = '\0';
		text = line;
		if (number++ == 0 && strncmp(line, mark, 3) == 0)
			text += 3;
		result = read_setting(settings, text,
		    length - (size_t)(text - line), file, number);
	}
	free(line);
	if (result == 0 && ferror(from))
		return report_fail(REPORT_NO_FILE,
		    "--env-file: cannot read %s: %s", file, strerror(errno));
	return result;
}

int
settings_read_file(struct settings *settings, const char *file, uid_t owner)
{
	FILE *from = fopen(file, "re");
	int result;

	if (from == NULL)
		return report_fail(REPORT_NO_FILE,
		    "--env-file: cannot read %s as user %ld: %s", file,
		    (long)geteuid(), strerror(errno));
	result = check_owner(from, file, owner);
	if (result == 0)
		result = read_lines(settings, from, file);
	fclose(from);
	return result;
}

bool
settings_have(const struct settings *settings, const char *name)
{
	int i;

	for (i = 0; i < settings->count; i++)
		if (strcmp(settings->list[i].name, name) == 0)
			return true;
	return false;
}
