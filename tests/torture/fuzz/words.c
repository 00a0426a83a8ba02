/*
 * H2: a #! line, CGI2WSGI_ARGS: words, as a shell splits them. Each word that
 * comes out goes in again, quoted, and is the same.
 */

#include "fuzzer.h"

#include "../../unit/fake_report.h"
#include "invocation/words.h"

static void
release(struct words *words)
{
	while (words->count > 0)
		free(words->word[--words->count]);
	free(words->word);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct words words = { 0 }, again;
	int i;

	ensure(text != NULL, "memory");
	fake_report_reset();
	if (words_split(&words, text, "here") == 0)
		for (i = 0; i < words.count; i++) {
			again = (struct words){ 0 };
			ensure(words_split(&again, words_quote(words.word[i]),
				   "here") == 0 &&
				again.count == 1 &&
				strcmp(again.word[0], words.word[i]) == 0,
			    "a quoted word is one");
			release(&again);
		}
	release(&words);
	free(text);
	return 0;
}
