/* Words, as a shell would split them and as getopt_long(3) wants them. */
#ifndef INVOCATION_WORDS_H
#define INVOCATION_WORDS_H

#include <stdbool.h>

struct words {
	char **word; /* the first is the program's name; stays for good */
	int count;
};

/* Appends one word, which is not copied. */
void words_append(struct words *, char *word);

/*
 * Appends the words of a text: quotes and backslashes count, nothing is
 * expanded. where is for messages. Returns 0, or -1 with a failure reported.
 */
int words_split(struct words *, const char *text, const char *where);

/* What is wrong with a #! line. */
enum line_fault {
	LINE_GOOD,
	LINE_QUOTE, /* a quote is not closed */
	LINE_RETURN, /* a kernel takes the CR at its end for a part of it */
	LINE_MARK /* a kernel does not see it behind a byte order mark */
};

/*
 * Reads the words of a file's #! line, however long, and says what is wrong
 * with it. Returns false without any: no words, no such line or no such file.
 */
bool words_read_line(struct words *, const char *file, enum line_fault *);

/*
 * Whether the #! line of file names program and has the options in word: as
 * one, which is how a kernel puts them before the file's name, perhaps cut.
 */
bool words_are_of_line(const char *file, const char *program, const char *word);

/* A name as one word of a command for a shell; valid until the next call. */
const char *words_quote(const char *name);

#endif
