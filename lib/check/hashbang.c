/*
 * execve(2) under Linux: the name ends at a blank, everything behind it is
 * one argument, and nothing counts behind 255 bytes.
 */

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/buffer.h"
#include "cgi/secret.h"
#include "check/finding.h"
#include "check/hashbang.h"
#include "check/permissions.h"
#include "invocation/file.h"
#include "invocation/words.h"

#define PROGRAM "cgi2wsgi"
#define SEEN 255 /* BINPRM_BUF_SIZE less one */
#define BLANKS " \t"

struct line {
	const struct user *account;
	const char *script, *program;
	char *text; /* all of the first line */
	char *interpreter, *rest; /* rest may be empty */
	const char *options; /* of this program, in rest */
};

static char *
read_first_line(const char *file)
{
	FILE *from = fopen(file, "re");
	char *line = NULL;
	size_t room = 0;

	if (from == NULL)
		return NULL;
	if (getline(&line, &room, from) == -1 && line != NULL)
		*line = '\0';
	fclose(from);
	return line;
}

/* The name of a program in one of these folders, to be freed, or NULL. */
static char *
find_in_folders(
    const struct user *account, const char *folders, const char *name)
{
	char *copy = strdup(folders != NULL ? folders : ""), *rest = copy,
	     *folder, *path, *found = NULL;

	while (found == NULL && (folder = strsep(&rest, ":")) != NULL) {
		if (*folder != '/' ||
		    asprintf(&path, "%s/%s", folder, name) == -1)
			continue;
		if (user_may(account, path, X_OK))
			found = path;
		else
			free(path);
	}
	free(copy);
	return found;
}

/*
 * The options of a line without secrets: --env keeps its name only. A line
 * without secrets stays exactly as it is written, quotes included.
 */
static char *
mask_options(const char *options)
{
	struct words words = { 0 };
	struct buffer masked = { 0 };
	const char *word, *value;
	char *shown;
	bool changed = false;
	int i;

	/* It cannot fail for an open quote: such a line was refused before. */
	if (words_split(&words, options, "") == -1)
		return strdup("");
	for (i = 0; i < words.count; i++) {
		word = words.word[i];
		value = strncmp(word, "--env=", 6) == 0 ? word + 6
		    : i > 0 && strcmp(words.word[i - 1], "--env") == 0 ? word
								       : NULL;
		value = value != NULL ? strchr(value, '=') : NULL;
		shown = value == NULL ? secret_hide(word) : strdup(SECRET_MASK);
		if (i > 0)
			buffer_add_byte(&masked, ' ');
		if (value != NULL)
			buffer_add(&masked, word, (size_t)(value + 1 - word));
		buffer_add_text(&masked, shown != NULL ? shown : SECRET_MASK);
		changed = changed || value != NULL || shown == NULL ||
		    strcmp(shown, word) != 0;
		free(shown);
	}
	shown = buffer_take(&masked, NULL);
	if (!changed) {
		free(shown);
		shown = strdup(options);
	}
	return shown;
}

/* Adds a finding and, as advice, the first line as it should be. */
static void
report_line(const struct line *line, const char *id, const char *format,
    const char *name)
{
	char *problem, *options = mask_options(line->options);

	if (asprintf(&problem, format, name, line->program) == -1)
		problem = NULL;
	if (problem != NULL && options != NULL)
		finding_add(id, "%s\nfirst line: #!%s%s%s", problem,
		    line->program, *options != '\0' ? " " : "", options);
	free(options);
	free(problem);
}

/* cgi2wsgi-preload beside this program, which then runs this one. */
static bool
is_preload(const char *name, const char *program)
{
	char *preload;
	bool same = false;

	if (asprintf(&preload, "%s-preload", program) != -1) {
		same = file_is_same(name, preload);
		free(preload);
	}
	return same;
}

static void
check_program(const struct line *line, const char *program)
{
	bool there = access(program, F_OK) == 0;
	char slashed[PATH_MAX]; /* what is a folder's name alone */

	snprintf(slashed, sizeof(slashed), "%s/", program);

	if (*program != '/')
		report_line(line, "line-interpreter",
		    "the first line names '%s', which depends on the folder: "
		    "it does not begin with /",
		    program);
	else if (!there)
		report_line(line, "line-interpreter",
		    "the first line names %s, which is not there", program);
	else if (access(slashed, F_OK) == 0)
		report_line(line, "line-interpreter",
		    "the first line names %s, which is a folder", program);
	else if (!user_may(line->account, program, X_OK))
		finding_add("line-interpreter",
		    "the first line names %s, which %s may not execute\n"
		    "type: chmod a+rx %s",
		    program, line->account->name, words_quote(program));
	else if (file_is_same(program, line->program) ||
	    is_preload(program, line->program))
		return;
	else if (strcmp(file_base(program), PROGRAM) == 0)
		report_line(line, "line-copy",
		    "the first line names %s, another copy of the program than "
		    "%s, which checks here",
		    program);
	else
		report_line(line, "line-other",
		    "the first line starts %s, not this program", program);
}

/* env(1) looks for the program in PATH, of which we know only our own. */
static void
check_in_path(const struct line *line, const char *name)
{
	char *found = find_in_folders(line->account, getenv("PATH"), name),
	     *usual = find_in_folders(line->account, SERVER_PATH, name);

	if (found == NULL && usual == NULL)
		report_line(
		    line, "line-path", "env does not find %s in PATH", name);
	else if (usual == NULL)
		report_line(line, "line-server-path",
		    "env finds %s in your PATH; servers often use " SERVER_PATH,
		    found);
	if (usual != NULL || found != NULL)
		check_program(line, usual != NULL ? usual : found);
	free(usual);
	free(found);
}

/* The program's name behind env -S. */
static void
check_behind_env(struct line *line)
{
	struct words words = { 0 };
	const char *behind = strstr(line->rest, PROGRAM);
	int i;

	/* It cannot fail for an open quote: such a line was refused before. */
	if (words_split(&words, line->rest, line->script) == -1)
		return;
	for (i = 0; i < words.count; i++)
		if (strcmp(file_base(words.word[i]), PROGRAM) == 0)
			break;
	if (behind != NULL) {
		behind += strlen(PROGRAM);
		line->options = behind + strspn(behind, BLANKS);
	}
	if (i == words.count)
		check_program(line, line->interpreter);
	else if (strchr(words.word[i], '/') != NULL)
		check_program(line, words.word[i]);
	else
		check_in_path(line, words.word[i]);
}

static void
check_env(struct line *line)
{
	const char *name = line->rest;
	char *masked;

	if (*name == '-' && memchr(name, 'S', strcspn(name, BLANKS)) != NULL)
		check_behind_env(line);
	else if (strpbrk(name, BLANKS) != NULL) {
		masked = mask_options(name);
		finding_add("line-env",
		    "env looks for a program called '%s', blanks included\n"
		    "first line: #!%s -S %s",
		    masked ? masked : "", line->interpreter,
		    masked ? masked : "");
		free(masked);
	} else if (strcmp(name, PROGRAM) == 0)
		check_in_path(line, name);
	else
		check_program(
		    line, strchr(name, '/') ? name : line->interpreter);
}

static void
check_length(const struct line *line)
{
	size_t end = (size_t)(line->interpreter - line->text) +
	    strlen(line->interpreter);
	size_t length = *line->rest == '\0'
	    ? end
	    : (size_t)(line->rest - line->text) + strlen(line->rest);

	if (length <= SEEN)
		return;
	if (end >= SEEN || strcmp(file_base(line->interpreter), "env") == 0)
		finding_add("line-long",
		    "the first line has %zu bytes, of which the kernel reads "
		    "%d: its end is cut off\nfirst line: shorter, by moving "
		    "settings into the script",
		    length, SEEN);
	else
		finding_add("line-cut",
		    "the first line has %zu bytes; the program reads them all, "
		    "but the kernel %d, and some systems refuse more\n"
		    "first line: shorter, by moving settings into the script",
		    length, SEEN);
}

/* Parts #!, the name and the rest, and drops the line's end. */
static void
take_apart(struct line *line)
{
	char *c = line->text + 2, *end = c + strcspn(c, "\r\n");

	if (*end == '\r' && strchr(end, '\n') == NULL)
		finding_add("line-end",
		    "all lines end in a carriage return alone, so that the "
		    "kernel sees one line\ntype: sed -i 's/\\r/\\n/g' %s",
		    words_quote(line->script));
	else if (*end == '\r' && end[1] == '\n')
		finding_add("line-end",
		    "the first line ends in a carriage return, as Windows "
		    "writes it\ntype: sed -i 's/\\r$//' %s",
		    words_quote(line->script));
	while (end > c && strchr(BLANKS, end[-1]))
		end--;
	*end = '\0';
	line->interpreter = c + strspn(c, BLANKS);
	line->rest = line->interpreter + strcspn(line->interpreter, BLANKS);
	if (*line->rest != '\0') {
		*line->rest++ = '\0';
		line->rest += strspn(line->rest, BLANKS);
	}
	line->options = strcmp(file_base(line->interpreter), PROGRAM) == 0
	    ? line->rest
	    : "";
}

static void
check_line(struct line *line)
{
	char *words;

	take_apart(line);
	check_length(line);
	if (strcmp(file_base(line->interpreter), "env") == 0 &&
	    user_may(line->account, line->interpreter, X_OK))
		check_env(line);
	else
		check_program(line, line->interpreter);
	words = mask_options(line->rest);
	if (!finding_has("line-") && words != NULL)
		finding_add("line", "#!%s%s%s starts this program",
		    line->interpreter, *words != '\0' ? " " : "", words);
	free(words);
}

static void
report_missing(const struct line *line)
{
	if (strncmp(line->text, "\xef\xbb\xbf", 3) == 0)
		finding_add("line-bom",
		    "three invisible bytes (a byte order mark) stand before "
		    "the first line\n"
		    "type: sed -i '1s/^\\xEF\\xBB\\xBF//' %s",
		    words_quote(line->script));
	else
		finding_add("line-missing",
		    "the file does not begin with #!, so that no server knows "
		    "which program runs it\nfirst line: #!%s",
		    line->program);
}

void
hashbang_check(
    const struct user *account, const char *script, const char *program)
{
	struct line line = { .account = account,
		.script = script,
		.program = program,
		.text = read_first_line(script) };

	if (line.text == NULL)
		return;
	/* Apache's Action reads options there, if they are ours. */
	if (!permissions_is_executed(script) &&
	    strstr(line.text, PROGRAM) == NULL)
		finding_add("line",
		    "none, as in all .wsgi files: the server's configuration "
		    "names %s, with Apache's Action",
		    program);
	else if (strncmp(line.text, "#!", 2) == 0)
		check_line(&line);
	else
		report_missing(&line);
	free(line.text);
}
