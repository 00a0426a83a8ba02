/*
 * A guestbook as a CGI program: GET shows the newest twenty entries and a
 * form, POST signs. The same page as its fellows in this folder make, by SQLite
 * alone.
 */

#define _GNU_SOURCE
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX 65536

static const char page[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<title>Guestbook</title>\n<h1>Guestbook</h1>\n<form method=\"post\">\n"
    "<input name=\"name\" aria-label=\"Name\">\n"
    "<input name=\"message\" aria-label=\"Message\">\n"
    "<button>Sign</button>\n</form>\n";

static void
fail(const char *why)
{
	fprintf(stderr, "guestbook: %s\n", why);
	printf("Status: 500 Internal Server Error\r\n"
	       "Content-Type: text/plain\r\n\r\nThe guestbook is closed.\n");
	exit(1);
}

static sqlite3 *
open_book(void)
{
	const char *path = getenv("GUESTBOOK");
	sqlite3 *book;

	if (path == NULL || sqlite3_open(path, &book) != SQLITE_OK)
		fail("cannot open $GUESTBOOK");
	sqlite3_busy_timeout(book, 10000);
	if (sqlite3_exec(book, "pragma synchronous = normal", NULL, NULL,
		NULL) != SQLITE_OK)
		fail(sqlite3_errmsg(book));
	return book;
}

static sqlite3_stmt *
prepare(sqlite3 *book, const char *text)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(book, text, -1, &statement, NULL) != SQLITE_OK)
		fail(sqlite3_errmsg(book));
	return statement;
}

static void
print_escaped(const unsigned char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&': fputs("&amp;", stdout); break;
		case '<': fputs("&lt;", stdout); break;
		case '>': fputs("&gt;", stdout); break;
		default: putchar(*text);
		}
}

static void
show(sqlite3 *book)
{
	sqlite3_stmt *entries = prepare(book,
	    "select name, created, message from entry"
	    " order by id desc limit 20");

	printf("Content-Type: text/html; charset=utf-8\r\n\r\n%s", page);
	while (sqlite3_step(entries) == SQLITE_ROW) {
		printf("<p><b>");
		print_escaped(sqlite3_column_text(entries, 0));
		printf("</b>, %s: ", sqlite3_column_text(entries, 1));
		print_escaped(sqlite3_column_text(entries, 2));
		printf("</p>\n");
	}
	sqlite3_finalize(entries);
}

/* A value of a form, decoded where it lies. */
static char *
decode(char *value)
{
	char *from = value, *to = value, code[3] = "";

	for (; *from != '\0'; from++)
		if (*from == '%' && strlen(from) > 2) {
			memcpy(code, from + 1, 2);
			*to++ = (char)strtol(code, NULL, 16);
			from += 2;
		} else {
			*to++ = *from == '+' ? ' ' : *from;
		}
	*to = '\0';
	return value;
}

static void
sign(sqlite3 *book)
{
	static char body[BODY_MAX];
	char *name = NULL, *message = NULL, *rest = body, *field;
	sqlite3_stmt *entry;

	body[fread(body, 1, sizeof(body) - 1, stdin)] = '\0';
	while ((field = strsep(&rest, "&")) != NULL)
		if (strncmp(field, "name=", 5) == 0)
			name = decode(field + 5);
		else if (strncmp(field, "message=", 8) == 0)
			message = decode(field + 8);
	entry = prepare(book,
	    "insert into entry (name, message, created)"
	    " values (?, ?, datetime())");
	sqlite3_bind_text(entry, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(entry, 2, message, -1, SQLITE_STATIC);
	if (sqlite3_step(entry) != SQLITE_DONE)
		fail(sqlite3_errmsg(book));
	sqlite3_finalize(entry);
	printf("Status: 303 See Other\r\nLocation: %s/\r\n"
	       "Content-Type: text/plain\r\n\r\n",
	    getenv("SCRIPT_NAME"));
}

int
main(void)
{
	const char *method = getenv("REQUEST_METHOD");
	sqlite3 *book = open_book();

	if (method != NULL && strcmp(method, "POST") == 0)
		sign(book);
	else
		show(book);
	sqlite3_close(book);
	return 0;
}
