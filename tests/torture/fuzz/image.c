/*
 * H7, J2: the head of an image may say anything: whoever looks through it stays
 * within it. The input is a head, whose size and checksum are put in order, for
 * the rest to be looked at, unless its last byte is odd.
 */

#include "fuzzer.h"

#include "../../../lib/image/thaw.c"

static char *words[] = { "/srv/app.cgi", "/srv/app.cgi", NULL };
static char *environment[] = { "PATH=/bin", "LANG=C", "HTTP_HOST=x",
	"TZ=", NULL };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct place_caller caller = { .execfn = words[0],
		.argc = 2,
		.argv = words,
		.environment = environment,
		.is_line = true };
	struct image *image;

	if (size < sizeof(*image))
		return 0;
	size -= size % 8;
	image = malloc(size);
	ensure(image != NULL, "memory");
	memcpy(image, data, size);
	/* As open_image() has it. */
	image->head = size;
	if (image->size < size)
		image->size = size;
	image->page = 4096;
	if ((data[size - 1] & 1) == 0)
		image->checksum = place_sum(image);
	if (is_sound(image)) {
		is_same_invocation(image, &caller);
		is_same_environment(image, environment);
	}
	free(image);
	return 0;
}
