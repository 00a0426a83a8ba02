/* name=content, name=@file or name=<file; then ;type= and ;filename= */

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/alloc.h"
#include "cgi/ascii.h"
#include "cgi/report.h"
#include "terminal/form.h"
#include "terminal/source.h"

struct form {
	char boundary[24 + 2 * sizeof(uint64_t) + 1];
	const char *disposition; /* of each part */
};

struct part {
	const char *name; /* up to the first '=' */
	char *content, *type, *filename; /* the last two may be NULL */
	bool is_file, has_filename;
};

/* What curl knows of files by the end of their names. */
static const char *const types[][2] = {
	{ ".gif", "image/gif" },
	{ ".htm", "text/html" },
	{ ".html", "text/html" },
	{ ".jpeg", "image/jpeg" },
	{ ".jpg", "image/jpeg" },
	{ ".pdf", "application/pdf" },
	{ ".png", "image/png" },
	{ ".svg", "image/svg+xml" },
	{ ".txt", "text/plain" },
	{ ".xml", "application/xml" },
};

static const char *
guess_type(const char *name)
{
	size_t i, length = strlen(name), end;

	for (i = 0; i < sizeof(types) / sizeof(*types); i++) {
		end = strlen(types[i][0]);
		if (length >= end &&
		    ascii_equal(name + length - end, types[i][0]))
			return types[i][1];
	}
	return NULL;
}

static int
refuse_field(const char *value, const char *why)
{
	return report_fail(REPORT_USAGE, "-F '%s': %s", value, why);
}

/* The quote that closes a word in quotes, or NULL if there is none. */
static char *
closing_quote(char *text)
{
	if (*text != '"')
		return NULL;
	while (*++text != '"') {
		if (*text == '\\' && (text[1] == '\\' || text[1] == '"'))
			text++;
		if (*text == '\0')
			return NULL;
	}
	return text;
}

/* Takes a word up to the next semicolon. Returns what follows, or NULL. */
static char *
take_word(char *text, char **word)
{
	char *end = closing_quote(text), *from = text + 1, *to = text;

	*word = text;
	if (end != NULL) {
		for (; from < end; *to++ = *from++)
			if (*from == '\\' &&
			    (from[1] == '\\' || from[1] == '"'))
				from++;
		*to = '\0';
		text = end + 1;
	}
	text += strcspn(text, ";");
	if (*text == '\0')
		return NULL;
	*text = '\0';
	return text + 1;
}

/* A media type may have parameters, too: it ends at ;filename= only. */
static char *
take_type(char *text, char **type)
{
	const char *end = ascii_find(text, ";filename=");

	*type = text;
	if (end == NULL)
		return NULL;
	text += end - text;
	*text = '\0';
	return text + 1;
}

static int
read_parameters(struct part *part, char *rest, const char *value)
{
	while (rest != NULL) {
		rest += strspn(rest, " \t");
		if (ascii_begins(rest, "type=", 5))
			rest = take_type(rest + 5, &part->type);
		else if (ascii_begins(rest, "filename=", 9)) {
			rest = take_word(rest + 9, &part->filename);
			part->has_filename = true;
		} else
			return refuse_field(value,
			    "only type= and filename= may follow ';'; put the "
			    "value into double quotes");
	}
	return 0;
}

/* Takes apart a copy of the option's value. */
static int
read_part(struct part *part, char *copy, const char *value)
{
	char mark, *rest, *slash;

	part->name = strsep(&copy, "=");
	if (copy == NULL)
		return refuse_field(value, "it needs NAME=VALUE or NAME=@FILE");
	mark = *copy;
	part->is_file = mark == '@' || mark == '<';
	rest = take_word(copy + part->is_file, &part->content);
	if (part->is_file && strchr(part->content, ',') != NULL &&
	    access(part->content, F_OK) == -1)
		return refuse_field(value, "one file each: give -F again");
	if (mark == '@') {
		part->has_filename = true;
		slash = strrchr(part->content, '/');
		part->filename = slash != NULL ? slash + 1 : part->content;
	}
	return read_parameters(part, rest, value);
}

/* RFC 7578 2, and as browsers escape them. */
static void
put_name(FILE *to, const char *what, const char *name)
{
	fprintf(to, "; %s=\"", what);
	for (; *name != '\0'; name++)
		switch (*name) {
		case '"': fputs("%22", to); break;
		case '\r': fputs("%0D", to); break;
		case '\n': fputs("%0A", to); break;
		default: putc(*name, to);
		}
	putc('"', to);
}

static const char *
part_type(const struct part *part)
{
	const char *type = part->type;

	if (type != NULL)
		return type;
	if (part->has_filename)
		type = guess_type(part->filename);
	if (type == NULL && part->is_file)
		type = guess_type(part->content);
	if (type == NULL && part->is_file && part->has_filename &&
	    strcmp(part->content, "-") != 0)
		return "application/octet-stream";
	/* A field without a type is text/plain (RFC 7578 4.4). */
	return type != NULL && !part->has_filename &&
		strcmp(type, "text/plain") == 0
	    ? NULL
	    : type;
}

static int
put_part(FILE *to, const struct part *part, const struct form *form)
{
	const char *type = part_type(part);

	fprintf(to, "--%s\r\nContent-Disposition: %s", form->boundary,
	    form->disposition);
	put_name(to, "name", part->name);
	if (part->has_filename)
		put_name(to, "filename", part->filename);
	fputs("\r\n", to);
	if (type != NULL)
		fprintf(to, "Content-Type: %s\r\n", type);
	fputs("\r\n", to);
	if (!part->is_file)
		fputs(part->content, to);
	else if (source_copy(to, part->content, "", 0) == -1)
		return -1;
	fputs("\r\n", to);
	return 0;
}

static int
put_field(FILE *to, const char *value, const struct form *form)
{
	char *copy = alloc_text(value);
	struct part part = { .content = copy };
	int result = read_part(&part, copy, value);

	if (result == 0)
		result = put_part(to, &part, form);
	free(copy);
	return result;
}

static void
begin_form(struct form *form, const char *type)
{
	static const char data[] = "multipart/form-data";
	uint64_t number = 0;

	if (getentropy(&number, sizeof(number)) == -1)
		number = (uint64_t)getpid();
	snprintf(form->boundary, sizeof(form->boundary), "%.24s%016llx",
	    "------------------------", (unsigned long long)number);
	form->disposition = ascii_begins(type, data, strlen(data))
	    ? "form-data"
	    : "attachment";
}

int
form_put(FILE *to, const struct options *options, const char *base, char **type)
{
	struct form form = { .disposition = "form-data" };
	int i;

	if (base == NULL)
		base = "multipart/form-data";
	begin_form(&form, base);
	*type = alloc_print("%s; boundary=%s", base, form.boundary);
	for (i = 0; i < options->count; i++)
		if (options->given[i].letter == 'F' &&
		    put_field(to, options->given[i].value, &form) == -1)
			return -1;
	fprintf(to, "--%s--\r\n", form.boundary);
	return 0;
}
