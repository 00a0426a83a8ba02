/* Everything goes through a file, so that its length is known. */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/alloc.h"
#include "cgi/report.h"
#include "terminal/form.h"
#include "terminal/source.h"
#include "terminal/upload.h"

static enum upload_kind
kind_of(int letter)
{
	switch (letter) {
	case 'd':
	case OPTION_DATA_BINARY:
	case OPTION_JSON: return UPLOAD_DATA;
	case 'F': return UPLOAD_FORM;
	default: return UPLOAD_NOTHING;
	}
}

/* Returns 0, or -1 with a failure reported: one request has one method. */
static int
find_kind(const struct options *options, enum upload_kind *found)
{
	static const char *const methods[] = { "", "POST (-d)", "POST (-F)" };
	enum upload_kind kind;
	int i;

	*found = UPLOAD_NOTHING;
	for (i = 0; i < options->count; i++) {
		kind = kind_of(options->given[i].letter);
		if (kind == UPLOAD_NOTHING)
			continue;
		if (*found != UPLOAD_NOTHING && *found != kind)
			return report_fail(REPORT_USAGE,
			    "one request has one method, not %s and %s",
			    methods[*found], methods[kind]);
		*found = kind;
	}
	return *found != UPLOAD_NOTHING && options_last(options, 'I') != NULL
	    ? report_fail(REPORT_USAGE,
		  "one request has one method, not %s and HEAD (-I)",
		  methods[*found])
	    : 0;
}

static int
put_data(FILE *to, const struct given_option *option)
{
	static const char line_ends[] = "\r\n"; /* and NUL */
	const char *value = option->value;
	bool file = *value == '@';

	if (option->letter == 'd' && (file || strcmp(value, "-") == 0))
		return source_copy(
		    to, value + file, line_ends, sizeof(line_ends));
	if (file)
		return source_copy(to, value + 1, "", 0);
	fputs(value, to);
	return 0;
}

/* As curl 8: & stands between two data, but not behind empty ones. */
static int
put_all_data(FILE *to, const struct options *options)
{
	const struct given_option *option;
	int i;

	for (i = 0; i < options->count; i++) {
		option = &options->given[i];
		if (kind_of(option->letter) != UPLOAD_DATA)
			continue;
		if (ftello(to) > 0 && option->letter != OPTION_JSON)
			putc('&', to);
		if (put_data(to, option) == -1)
			return -1;
	}
	return 0;
}

static int
fill_upload(
    struct upload *upload, const struct options *options, const char *form_type)
{
	const char *type = options_last(options, OPTION_JSON) != NULL
	    ? "application/json"
	    : "application/x-www-form-urlencoded";

	if (upload->kind == UPLOAD_FORM)
		return form_put(
		    upload->data, options, form_type, &upload->type);
	upload->type = alloc_text(type);
	return put_all_data(upload->data, options);
}

int
upload_make(
    struct upload *upload, const struct options *options, const char *form_type)
{
	*upload = (struct upload){ .kind = UPLOAD_NOTHING };
	if (find_kind(options, &upload->kind) == -1)
		return -1;
	if (upload->kind == UPLOAD_NOTHING)
		return 0;
	upload->data = tmpfile();
	if (upload->data != NULL &&
	    fill_upload(upload, options, form_type) == -1)
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
