/* Everything goes through a file, so that its length is known. */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "terminal/form.h"
#include "cgi/report.h"
#include "terminal/upload.h"
#include "cgi/url.h"

static enum upload_kind
kind_of(int letter)
{
	switch (letter) {
	case 'd':
	case WISH_DATA_BINARY:
	case WISH_DATA_RAW:
	case WISH_DATA_URLENCODE:
	case WISH_JSON: return UPLOAD_DATA;
	case 'F':
	case WISH_FORM_STRING: return UPLOAD_FORM;
	case 'T': return UPLOAD_FILE;
	default: return UPLOAD_NOTHING;
	}
}

/* Returns 0, or -1 with a failure reported: one request has one method. */
static int
find_kind(const struct wishes *wishes, enum upload_kind *found)
{
	static const char *const methods[] = { "", "POST (-d)", "POST (-F)",
		"PUT (-T)" };
	bool head = wishes_last(wishes, 'I') != NULL &&
	    wishes_last(wishes, 'G') == NULL;
	enum upload_kind kind;
	int i;

	*found = UPLOAD_NOTHING;
	for (i = 0; i < wishes->count; i++) {
		kind = kind_of(wishes->wish[i].letter);
		if (kind == UPLOAD_NOTHING)
			continue;
		if (*found != UPLOAD_NOTHING && *found != kind)
			return report_fail(REPORT_USAGE,
			    "one request has one method, not %s and %s",
			    methods[*found], methods[kind]);
		*found = kind;
	}
	return *found != UPLOAD_NOTHING && head
	    ? report_fail(REPORT_USAGE,
		  "one request has one method, not %s and HEAD (-I)",
		  methods[*found])
	    : 0;
}

static void
put_without(
    FILE *to, const char *bytes, size_t size, const char *dropped, size_t count)
{
	size_t i;

	if (count == 0)
		fwrite(bytes, 1, size, to);
	else
		for (i = 0; i < size; i++)
			if (memchr(dropped, bytes[i], count) == NULL)
				putc(bytes[i], to);
}

static void
copy_without(FILE *to, FILE *from, const char *dropped, size_t count)
{
	char buffer[65536];
	size_t got;

	/* A terminal's end of file counts once. */
	while (
	    !feof(from) && (got = fread(buffer, 1, sizeof(buffer), from)) > 0)
		put_without(to, buffer, got, dropped, count);
}

int
upload_copy(FILE *to, const char *name, const char *dropped, size_t count)
{
	FILE *from = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	int result = 0;

	if (from != NULL) {
		errno = 0;
		copy_without(to, from, dropped, count);
	}
	if (from == NULL || ferror(from))
		result = report_fail(REPORT_NO_FILE, "cannot read %s: %s", name,
		    strerror(errno));
	if (from != NULL && from != stdin)
		fclose(from);
	return result;
}

/* As curl does it: a space becomes a plus sign. */
static void
put_encoded(FILE *to, const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (text[i] == ' ')
			putc('+', to);
		else
			url_encode(to, (unsigned char)text[i]);
}

static int
put_encoded_file(FILE *to, const char *name)
{
	char *text = NULL;
	size_t length;
	FILE *memory = open_memstream(&text, &length);
	int result;

	if (memory == NULL)
		return report_no_memory();
	result = upload_copy(memory, name, "", 0);
	fclose(memory);
	put_encoded(to, text, length);
	free(text);
	return result;
}

/* content, =content, name=content, @file or name@file */
static int
put_urlencode(FILE *to, const char *value)
{
	const char *mark = strchr(value, '=');

	if (mark == NULL)
		mark = strchr(value, '@');
	if (mark > value)
		fprintf(to, "%.*s=", (int)(mark - value), value);
	if (mark != NULL && *mark == '@')
		return put_encoded_file(to, mark + 1);
	if (mark != NULL)
		value = mark + 1;
	put_encoded(to, value, strlen(value));
	return 0;
}

static int
put_data(FILE *to, const struct wish *wish)
{
	static const char line_ends[] = "\r\n"; /* and NUL */
	const char *value = wish->value;
	bool file = *value == '@' && wish->letter != WISH_DATA_RAW;

	if (wish->letter == WISH_DATA_URLENCODE)
		return put_urlencode(to, value);
	if (wish->letter == 'd' && (file || strcmp(value, "-") == 0))
		return upload_copy(
		    to, value + file, line_ends, sizeof(line_ends));
	if (file)
		return upload_copy(to, value + 1, "", 0);
	fputs(value, to);
	return 0;
}

static int
put_all_data(FILE *to, const struct wishes *wishes)
{
	const struct wish *wish;
	bool first = true;
	int i;

	for (i = 0; i < wishes->count; i++) {
		wish = &wishes->wish[i];
		if (kind_of(wish->letter) != UPLOAD_DATA)
			continue;
		if (!first && wish->letter != WISH_JSON)
			putc('&', to);
		first = false;
		if (put_data(to, wish) == -1)
			return -1;
	}
	return 0;
}

static int
fill(struct upload *upload, const struct wishes *wishes, const char *form_type)
{
	const char *type = wishes_last(wishes, WISH_JSON) != NULL
	    ? "application/json"
	    : "application/x-www-form-urlencoded";

	switch (upload->kind) {
	case UPLOAD_FORM:
		return form_put(upload->data, wishes, form_type, &upload->type);
	case UPLOAD_FILE:
		return upload_copy(
		    upload->data, wishes_last(wishes, 'T')->value, "", 0);
	default:
		if ((upload->type = strdup(type)) == NULL)
			return report_no_memory();
		return put_all_data(upload->data, wishes);
	}
}

int
upload_make(
    struct upload *upload, const struct wishes *wishes, const char *form_type)
{
	*upload = (struct upload){ .kind = UPLOAD_NOTHING };
	if (find_kind(wishes, &upload->kind) == -1)
		return -1;
	if (upload->kind == UPLOAD_NOTHING)
		return 0;
	upload->data = tmpfile();
	if (upload->data != NULL && fill(upload, wishes, form_type) == -1)
		return -1;
	if (upload->data == NULL || fflush(upload->data) == EOF ||
	    ferror(upload->data))
		return report_fail(REPORT_SYSTEM,
		    "cannot store the request's body: %s", strerror(errno));
	rewind(upload->data);
	return 0;
}

void
upload_free(struct upload *upload)
{
	if (upload->data != NULL)
		fclose(upload->data);
	free(upload->type);
}
