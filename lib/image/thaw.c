/*
 * A saved process starts again. This runs without a libc, in a program that
 * lies where no other one does, on a stack of its own: whatever is wrong, it
 * can still return and have the ordinary program executed, until it jumps.
 *
 * What an image says is believed only after its owner, its mode and the
 * folders above it have been looked at; then the head is looked through, for
 * it may have been cut short or damaged on the disk. Not so the memory: to read
 * all of it takes as long as the start itself, and who trusts the disk with
 * programs and libraries can trust it with this file.
 */

#include <linux/fcntl.h>
#include <linux/mman.h>
#include <stddef.h>

#include "image/preload.h"
#include "image/raw.h"

#define ARCH_SET_FS 0x1002
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
/* Where addresses of a process end, unless it asks for more. */
#if defined(__x86_64__)
#define ADDRESSES (UINT64_C(1) << 47)
#define RSEQ_SIGNATURE 0x53053053
#else
#define ADDRESSES (UINT64_C(1) << 48)
#define RSEQ_SIGNATURE 0xd428bc00
#endif

static const void *
part(const struct image *image, uint64_t offset)
{
	return (const char *)image + offset;
}

/* Whether a list of elements of this size lies within the head. */
static bool
is_within(
    const struct image *image, const struct image_list *list, uint64_t size)
{
	return list->first % 8 == 0 && list->first <= image->head &&
	    list->count <= (image->head - list->first) / size;
}

static bool
are_names_within(const struct image *image)
{
	const struct image_file *file = part(image, image->files.first),
				*library = part(image, image->libraries.first);
	const struct image_variable *variable = part(
	    image, image->variables.first);
	const uint64_t *word = part(image, image->argv.first),
		       *ignored = part(image, image->ignored.first),
		       *family = part(image, image->families.first);
	bool within = image->execfn < image->head;
	uint64_t i;

	for (i = 0; i < image->files.count; i++)
		within = within && file[i].name < image->head;
	for (i = 0; i < image->libraries.count; i++)
		within = within && library[i].name < image->head;
	for (i = 0; i < image->variables.count; i++)
		within = within && variable[i].name < image->head &&
		    variable[i].value < image->head;
	for (i = 0; i < image->argv.count; i++)
		within = within && word[i] < image->head;
	for (i = 0; i < image->ignored.count; i++)
		within = within && ignored[i] < image->head;
	for (i = 0; i < image->families.count; i++)
		within = within && family[i] < image->head;
	/* So each name ends within the head. */
	return within && *(const char *)part(image, image->head - 1) == '\0';
}

static bool
are_segments_within(const struct image *image)
{
	const struct image_segment *segment = part(
	    image, image->segments.first);
	uint64_t i, bits = image->page - 1;

	for (i = 0; i < image->segments.count; i++, segment++) {
		if (((segment->address | segment->size | segment->offset) &
			bits) != 0 ||
		    segment->address >= ADDRESSES || segment->size == 0 ||
		    segment->size > ADDRESSES - segment->address ||
		    segment->library < IMAGE_EMPTY ||
		    segment->library >= (int64_t)image->libraries.count)
			return false;
		if (segment->library == IMAGE_SAVED &&
		    (segment->offset > image->size ||
			segment->size > image->size - segment->offset))
			return false;
	}
	return image->segments.count > 0;
}

static bool
is_sound(const struct image *image)
{
	return place_sum(image) == image->checksum &&
	    is_within(image, &image->argv, sizeof(uint64_t)) &&
	    is_within(image, &image->ignored, sizeof(uint64_t)) &&
	    is_within(image, &image->families, sizeof(uint64_t)) &&
	    is_within(image, &image->files, sizeof(struct image_file)) &&
	    is_within(image, &image->libraries, sizeof(struct image_file)) &&
	    is_within(
		image, &image->variables, sizeof(struct image_variable)) &&
	    is_within(image, &image->segments, sizeof(struct image_segment)) &&
	    is_within(image, &image->touched, sizeof(struct image_range)) &&
	    are_names_within(image) && are_segments_within(image);
}

/* The invocation that the ordinary program decided for (H7). */
static bool
is_same_invocation(const struct image *image, const struct place_caller *caller)
{
	const uint64_t *word = part(image, image->argv.first);
	uint64_t i;

	if (!place_equal(part(image, image->execfn), caller->execfn) ||
	    image->is_line != (uint64_t)caller->is_line)
		return false;
	for (i = 0; i < image->argv.count; i++)
		if (i >= (uint64_t)caller->argc ||
		    !place_equal(part(image, word[i]), caller->argv[i]))
			return false;
	return image->argv.count == (uint64_t)caller->argc || !caller->is_line;
}

/* Whether this is the name of one of the variables, or of a request's. */
static bool
is_known(const struct image *image, const char *text)
{
	const struct image_variable *variable = part(
	    image, image->variables.first);
	const uint64_t *ignored = part(image, image->ignored.first);
	const char *name;
	uint64_t i, n;

	for (i = 0; i < image->variables.count + image->ignored.count; i++) {
		name = part(image,
		    i < image->variables.count
			? variable[i].name
			: ignored[i - image->variables.count]);
		for (n = 0; name[n] != '\0' && name[n] == text[n]; n++)
			;
		if (name[n] == '\0' &&
		    (text[n] == '=' ||
			(n > 0 && name[n - 1] == '_' &&
			    i >= image->variables.count)))
			return true;
	}
	return false;
}

/* Whether it counts, though it was not there. */
static bool
is_of_family(const struct image *image, const char *text)
{
	const uint64_t *family = part(image, image->families.first);
	const char *name;
	uint64_t i;

	for (i = 0; i < image->families.count; i++) {
		name = part(image, family[i]);
		if (*name == '\0' || place_begins(text, name) > 0)
			return true;
	}
	return false;
}

static bool
is_same_environment(const struct image *image, char **environment)
{
	const struct image_variable *variable = part(
	    image, image->variables.first);
	const char *value;
	uint64_t i;

	for (i = 0; i < image->variables.count; i++, variable++) {
		value = place_variable(
		    environment, part(image, variable->name));
		if ((value == NULL) != (variable->value == 0))
			return false;
		if (value != NULL &&
		    !place_equal(value, part(image, variable->value)))
			return false;
	}
	for (; *environment != NULL; environment++)
		if (is_of_family(image, *environment) &&
		    !is_known(image, *environment))
			return false;
	return true;
}

static bool
are_files_unchanged(const struct image *image)
{
	const struct image_file *file = part(image, image->files.first);
	struct image_stat now;
	uint64_t i;

	for (i = 0; i < image->files.count; i++, file++) {
		place_look(part(image, file->name), file->how, &now);
		if (!place_same(&now, &file->was, file->how))
			return false;
	}
	return true;
}

static bool
is_true(const struct image *image, const struct preload_start *start)
{
	return image->user == (uint64_t)raw_call_4(__NR_getuid, 0, 0, 0, 0) &&
	    image->group == (uint64_t)raw_call_4(__NR_getgid, 0, 0, 0, 0) &&
	    place_equal(image->boot, start->caller.boot) &&
	    is_same_invocation(image, &start->caller) &&
	    is_same_environment(image, start->caller.environment) &&
	    are_files_unchanged(image);
}

/* The head of an image, mapped, or NULL. */
static const struct image *
open_image(const struct preload_start *start, int file)
{
	struct image_stat stat;
	struct image head;
	long got = raw_call_4(__NR_pread64, file, &head, sizeof(head), 0);

	place_stat(file, "", AT_EMPTY_PATH, &stat);
	if (got != (long)sizeof(head) || head.magic != IMAGE_MAGIC ||
	    head.version != IMAGE_VERSION || head.page != start->page ||
	    head.head < sizeof(head) || head.head % 8 != 0 ||
	    head.head > head.size || head.size != stat.size ||
	    (stat.mode & 0170000) != 0100000 || !place_is_private(&stat))
		return NULL;
	got = raw_call_6(__NR_mmap, PRELOAD_HEAD, head.head, PROT_READ,
	    MAP_PRIVATE | MAP_FIXED_NOREPLACE | MAP_POPULATE, file, 0);
	return got == (long)PRELOAD_HEAD ? (const struct image *)got : NULL;
}

/* Never over anything that is there, of ours or of the kernel's. */
static bool
map_segment(const struct image_segment *segment, int file)
{
	int flags = MAP_PRIVATE | MAP_FIXED_NOREPLACE |
	    (file == -1 ? MAP_ANONYMOUS | MAP_NORESERVE : 0);
	long got = raw_call_6(__NR_mmap, segment->address, segment->size,
	    segment->protection, flags, file, segment->offset);

	if (got == (long)segment->address)
		return true;
	/* A kernel before 4.17 takes the address for a wish. */
	if (got < -4095 || got > 0)
		raw_call_4(__NR_munmap, got, segment->size, 0, 0);
	return false;
}

/*
 * One library, closed again at once: there may be room for few. Returns the
 * first segment that is not mapped.
 */
static uint64_t
map_library(const struct image *image, uint64_t i)
{
	const struct image_segment *segment = part(
	    image, image->segments.first);
	int32_t library = segment[i].library;
	const struct image_file *from = (const struct image_file *)part(
					    image, image->libraries.first) +
	    library;
	struct image_stat now;
	int file = (int)raw_call_4(__NR_openat, AT_FDCWD,
	    part(image, from->name), O_RDONLY | O_CLOEXEC, 0);

	if (file < 0)
		return i;
	place_stat(file, "", AT_EMPTY_PATH, &now);
	if (place_same(&now, &from->was, IMAGE_WHOLE))
		while (i < image->segments.count &&
		    segment[i].library == library &&
		    map_segment(&segment[i], file))
			i++;
	raw_call_4(__NR_close, file, 0, 0, 0);
	return i;
}

/* All of it; or nothing, and it returns false. */
static bool
map_all(const struct image *image, int file)
{
	const struct image_segment *segment = part(
	    image, image->segments.first);
	uint64_t i = 0, before;

	do {
		before = i;
		if (segment[i].library >= 0)
			i = map_library(image, i);
		else if (map_segment(&segment[i],
			     segment[i].library == IMAGE_SAVED ? file : -1))
			i++;
	} while (i > before && i < image->segments.count);
	if (i == image->segments.count)
		return true;
	while (i-- > 0)
		raw_call_4(
		    __NR_munmap, segment[i].address, segment[i].size, 0, 0);
	return false;
}

/*
 * What is written to anyhow is copied now, with one call for pages side by
 * side; a fault for each costs thrice as much, the more so once a page has been
 * read. Linux before 5.14 cannot do that.
 */
static void
populate(const struct image *image)
{
	const struct image_range *range = part(image, image->touched.first);
	uint64_t i;

	for (i = 0; i < image->touched.count; i++)
		if (raw_call_4(__NR_madvise, range[i].address, range[i].size,
			MADV_POPULATE_WRITE, 0) != 0)
			return;
}

/* The kernel's side of the only thread, and what libc keeps of it. */
static void
restore_thread(const struct image *image, const struct preload_start *start)
{
	int *id = (int *)image->thread_id;
	uint32_t *sequence = (uint32_t *)image->sequence;
#if defined(__x86_64__)
	unsigned char *canary = (unsigned char *)image->thread + 0x28;
	int i;

	raw_call_4(__NR_arch_prctl, ARCH_SET_FS, image->thread, 0, 0);
	/* No function returns that has stored the old one. */
	for (i = 1; i < 8; i++)
		canary[i] = start->random[i];
#else
	(void)start;
	__asm__ volatile("msr tpidr_el0, %0" : : "r"(image->thread));
#endif
	*id = (int)raw_call_4(__NR_set_tid_address, id, 0, 0, 0);
	if (image->robust_list != 0)
		raw_call_4(__NR_set_robust_list, image->robust_list, 24, 0, 0);
	if (sequence == NULL)
		return;
	/* cpu_id_start and cpu_id, then the pointer to a critical section */
	sequence[0] = 0;
	sequence[1] = (uint32_t)-1;
	sequence[2] = sequence[3] = 0;
	if (raw_call_4(__NR_rseq, sequence, image->sequence_size, 0,
		RSEQ_SIGNATURE) != 0)
		sequence[1] = (uint32_t)-2;
}

static _Noreturn void
jump(const struct image *image, const struct image_call *call)
{
#if defined(__x86_64__)
	__asm__ volatile("mov %0, %%rsp\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "call *%1"
			 :
			 : "r"(image->stack), "r"(image->awake), "D"(call)
			 : "rbp", "memory");
#else
	register const struct image_call *x0 __asm__("x0") = call;

	__asm__ volatile("mov sp, %0\n\t"
			 "mov x29, xzr\n\t"
			 "blr %1"
			 :
			 : "r"(image->stack), "r"(image->awake), "r"(x0)
			 : "x29", "memory");
#endif
	__builtin_unreachable();
}

/* Becomes the process in this file, or returns. */
static void
start_from(int file, const struct preload_start *start)
{
	struct image_call call = { .argc = start->caller.argc,
		.argv = start->caller.argv,
		.environment = start->caller.environment,
		.probe = start->probe };
	const struct image *image = open_image(start, file);

	if (image != NULL && is_sound(image) && is_true(image, start) &&
	    map_all(image, file)) {
		raw_call_4(__NR_close, file, 0, 0, 0);
		populate(image);
		restore_thread(image, start);
		jump(image, &call);
	}
	if (image != NULL)
		raw_call_4(__NR_munmap, image, image->head, 0, 0);
}

void
thaw(const struct preload_start *start)
{
	char name[PLACE_NAME];
	int which, folder, file;

	place_name(
	    &start->caller, start->probe ? PLACE_NEW : PLACE_IMAGE, name);
	for (which = 0; which < PLACES; which++) {
		if ((folder = place_open(&start->caller, which)) < 0)
			continue;
		file = (int)raw_call_4(__NR_openat, folder, name,
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
		raw_call_4(__NR_close, folder, 0, 0, 0);
		if (file < 0)
			continue;
		start_from(file, start);
		raw_call_4(__NR_close, file, 0, 0, 0);
	}
}
