/* B11, RFC 3986: paths are decoded once, and have no dot segments after. */

#include "fuzzer.h"

#include "../../unit/fake_report.h"
#include "cgi/url.h"
#include "terminal/target.h"

static void
check_decoded(const char *text)
{
	char *once = strdup(text);
	size_t from = 0, to = 0;
	char digits[3] = "";

	ensure(once != NULL, "memory");
	url_decode(once);
	while (text[from] != '\0') {
		memcpy(digits, text + from + (text[from] == '%'),
		    text[from] == '%' && text[from + 1] != '\0' ? 2 : 1);
		if (text[from] == '%' && strlen(digits) == 2 &&
		    strspn(digits, "0123456789abcdefABCDEF") == 2 &&
		    strcmp(digits, "00") != 0) {
			ensure(once[to++] == (char)strtol(digits, NULL, 16),
			    "a byte is what its digits say");
			from += 3;
		} else
			ensure(once[to++] == text[from++], "others stay");
	}
	ensure(once[to] == '\0', "nothing is added");
	free(once);
}

static void
check_normal(const char *text)
{
	char *path = malloc(strlen(text) + 2), *again;

	ensure(path != NULL, "memory");
	path[0] = '/';
	strcpy(path + 1, text);
	url_normalize(path);
	ensure(path[0] == '/' && strstr(path, "//") == NULL &&
		strstr(path, "/./") == NULL && strstr(path, "/../") == NULL,
	    "no empty or dot segments");
	again = strdup(path);
	ensure(again != NULL, "memory");
	url_normalize(again);
	ensure(strcmp(path, again) == 0, "to normalize twice changes nothing");
	free(again);
	free(path);
}

static void
check_target(const char *text)
{
	struct target target;
	size_t length;

	fake_report_reset();
	if (target_read(&target, text) == 0) {
		ensure(target.path != NULL && target.path[0] == '/',
		    "a path begins with a slash");
		if (target.authority != NULL)
			target_port(target.authority, &length);
	}
	target_free(&target);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);

	ensure(text != NULL, "memory");
	check_decoded(text);
	check_normal(text);
	check_target(text);
	free(text);
	return 0;
}
