/*
 * What --check has to say, for a person or for a program. The ids, with what
 * they mean, are the table in cgi2wsgi-check(1).
 */
#ifndef CHECK_FINDING_H
#define CHECK_FINDING_H

#include <stdbool.h>
#include <stddef.h>

/* Chooses lines, coloured on a terminal, or JSON; begins it. */
void finding_begin(bool json);

/* Says on a terminal what is being done, until the next finding. */
void finding_progress(const char *doing);

/*
 * Ends it, for a person with the numbers of errors and warnings. Returns
 * whether there was an error.
 */
bool finding_end(void);

/*
 * Adds a finding; its id decides whether it is ok, a warning or an error. A
 * line end in the format parts what is wrong from what to do.
 */
void finding_add(const char *id, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether one was added whose id begins like this. */
bool finding_has(const char *beginning);

/* Findings of a child process, in memory that its parent shares. */
struct finding_store {
	size_t length;
	char bytes[256 * 1024]; /* id, problem and advice, each with its NUL */
};

/* In a child, findings go there from now on; its parent adds them later. */
void finding_keep_in(struct finding_store *);
void finding_add_all(const struct finding_store *);

#endif
