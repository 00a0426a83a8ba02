/* The kernel hands over a #! line's options as one string, cut at 256 bytes. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/alloc.h"
#include "cgi/report.h"
#include "invocation/words.h"

static const char blanks[] = " \t\n";

void
words_append(struct words *words, char *word)
{
	words->word = alloc_items(
	    words->word, (size_t)words->count + 2, sizeof(*words->word));
	words->word[words->count++] = word;
	words->word[words->count] = NULL;
}

/* Copies one word. Returns what follows, or NULL: a quote is open. */
static const char *
read_word(const char *text, char *word)
{
	char quote = '\0';

	for (; *text != '\0'; text++) {
		if (quote == '\0' && strchr(blanks, *text))
			break;
		if (*text == quote)
			quote = '\0';
		else if (quote == '\0' && (*text == '\'' || *text == '"'))
			quote = *text;
		else if (*text == '\\' && text[1] != '\0' && quote != '\'' &&
		    (quote == '\0' || strchr("\"\\", text[1])))
			*word++ = *++text;
		else
			*word++ = *text;
	}
	*word = '\0';
	return quote == '\0' ? text : NULL;
}

/* Appends all words. Returns false if a quote is open at the end. */
static bool
split_words(struct words *words, const char *text)
{
	char *word;

	while (text != NULL && *(text += strspn(text, blanks)) != '\0') {
		word = alloc_text(text);
		words_append(words, word);
		text = read_word(text, word);
	}
	return text != NULL;
}

int
words_split(struct words *words, const char *text, const char *where)
{
	return split_words(words, text)
	    ? 0
	    : report_fail(REPORT_USAGE, "%s: a quote is not closed", where);
}

/* The first line behind #!, without its end, or NULL. */
static char *
read_first_line(const char *file, enum line_fault *fault)
{
	static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8 */
	FILE *from = fopen(file, "re");
	char *line = NULL, *text;
	size_t room = 0, length;
	int first;

	*fault = LINE_GOOD;
	if (from == NULL)
		return NULL;
	/* What begins otherwise, as a program does, is not read on. */
	first = getc(from);
	if ((first != '#' && first != (unsigned char)*mark) ||
	    ungetc(first, from) == EOF || getline(&line, &room, from) <= 0) {
		fclose(from);
		free(line);
		return NULL;
	}
	fclose(from);
	text = line;
	if (strncmp(line, mark, strlen(mark)) == 0) {
		text += strlen(mark);
		*fault = LINE_MARK;
	}
	if (strncmp(text, "#!", 2) != 0) {
		free(line);
		return NULL;
	}
	text += 2;
	length = strcspn(text, "\n");
	if (length > 0 && text[length - 1] == '\r') {
		length--;
		*fault = LINE_RETURN;
	}
	memmove(line, text, length);
	line[length] = '\0';
	return line;
}

bool
words_read_line(struct words *words, const char *file, enum line_fault *fault)
{
	char *line = read_first_line(file, fault);

	*words = (struct words){ 0 };
	if (line != NULL && !split_words(words, line))
		*fault = LINE_QUOTE;
	free(line);
	return words->count > 0;
}

/* What follows a word that the text begins with, or NULL. */
static const char *
skip_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	text += strspn(text, blanks);
	return length > 0 && strncmp(text, word, length) == 0 ? text + length
							      : NULL;
}

bool
words_are_of_line(const char *file, const char *program, const char *word)
{
	enum { CUT = 255 - 2 }; /* how much Linux reads, behind #! */
	enum line_fault fault;
	char *line = read_first_line(file, &fault);
	const char *end = line;
	bool same = false;

	if (end != NULL && (end = skip_word(end, program)) != NULL)
		end = strspn(end, blanks) > 0 ? skip_word(end, word) : NULL;
	if (end != NULL) {
		const char *next = end + strspn(end, blanks);

		same = *next == '\0' ||
		    (end - line <= CUT && next - line >= CUT);
	}
	free(line);
	return same;
}

const char *
words_quote(const char *name)
{
	static char *quoted;
	char *c;

	free(quoted);
	c = quoted = alloc_items(NULL, 4, strlen(name) + 1);
	*c++ = '\'';
	for (; *name != '\0'; name++)
		if (*name == '\'')
			c = stpcpy(c, "'\\''");
		else
			*c++ = *name;
	strcpy(c, "'");
	return quoted;
}
