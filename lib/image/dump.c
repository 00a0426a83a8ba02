/*
 * The process image. A process that has imported an application and has not
 * looked at a request is kept in a file; each later request starts there.
 * What that means to the application is a fork: a request answered from an
 * image is a forked child of a process that imported it.
 *
 * Saved are the pages that this process has written: the heap, Python's
 * arenas, variables of the program and of libraries, thread-local storage,
 * the arguments' copies on the stack and the frames of main(). Pages that are
 * still as in the file they were mapped from are named by file and offset.
 * All of it is put back at the same addresses, so no pointer changes. Nothing
 * executable comes out of an image.
 *
 * Refused is what a child would share with its parent or what the kernel
 * keeps: descriptors, threads, children (inherited.c looks for these before),
 * numbers that would repeat themselves (key.py), and here shared memory that
 * is written to, memory whose file is gone, memory that can be written and
 * run. Refused is, too, any word that points to where the kernel puts
 * something else in each process: its stack, the vDSO. A libc that begins to
 * keep such words is found here, before an image is published, and every image
 * is started once before (keep.c).
 *
 * Made anew, not restored, are the thread's id and its registration with the
 * kernel (robust list, restartable sequences) and the canary of the stack
 * (thaw.c). Signals, descriptors, environment, limits and working folder are
 * the new process's, and then as the import has changed them (inherited.c).
 * The break is given up: libc's malloc() maps memory where it cannot be moved.
 * That nothing points to the vDSO or to the kernel's stack is load.c's work.
 *
 * Why each step is safe: the writer is a child forked from the process, so the
 * reply does not wait, and hooks that libraries have for a fork have run. The
 * file appears under its name only when it is complete and has proved to
 * work. The reader trusts it only if nobody else can have written it, if all
 * that the key holds is as it was (key.c, place.c), and if the invocation is
 * the same. Whatever fails there, the ordinary program runs.
 */

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/request.h"
#include "image/dump.h"
#include "image/pagemap.h"
#include "image/preload.h"

#ifndef PR_GET_TID_ADDRESS
#define PR_GET_TID_ADDRESS 40
#endif

#define SCRATCH ((size_t)64 << 20) /* reserved; used is what is needed */
#define AREAS 4096
#define SEGMENTS 16384
#define LIBRARIES 1024
#define IGNORED 128
/* Pages beside saved ones: to save them, too, costs less than one more call of
 * mmap(2) in each process. */
#define NEAR 24

struct area {
	uint64_t start, end, offset;
	uint32_t protection;
	bool shared;
	const char *name;
};

/* Everything the writer needs, in memory that is not saved. */
struct dump {
	int file;
	struct pagemap pagemap;
	uint64_t page, stack;
	const char *refusal;
	struct area areas[AREAS];
	size_t area_count;
	struct image_segment segments[SEGMENTS];
	size_t segment_count;
	struct image_file libraries[LIBRARIES];
	size_t library_count;
	uint64_t saved; /* bytes of memory so far */
	uint64_t foreign[8][2]; /* ranges that nothing may point to */
	size_t foreign_count;
	char message[512];
	struct image *image; /* the head */
	char *text, *text_end; /* where the rest of maps, then of it goes */
};

/* Since 2.35; older libcs register nothing. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

/* Of libc: where the heap ended. */
extern void *__curbrk;

static int
refuse(struct dump *dump, const char *what, const char *name)
{
	if (dump->refusal == NULL) {
		snprintf(dump->message, sizeof(dump->message), "%s%s%s", what,
		    name != NULL && *name != '\0' ? ": " : "",
		    name != NULL ? name : "");
		dump->refusal = dump->message;
	}
	return -1;
}

static uint64_t
thread_pointer(void)
{
	uint64_t thread;

#if defined(__x86_64__)
	__asm__("mov %%fs:0, %0" : "=r"(thread));
#else
	__asm__("mrs %0, tpidr_el0" : "=r"(thread));
#endif
	return thread;
}

/* One line of /proc/self/maps, proc(5), which is cut up. */
static int
read_area(struct dump *dump, char *line)
{
	struct area *area = &dump->areas[dump->area_count];
	char mode[8];
	int name = 0;

	if (dump->area_count == AREAS)
		return refuse(dump, "too many areas of memory", NULL);
	if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %n", &area->start, &area->end,
		mode, &area->offset, &name) != 4)
		return refuse(dump, "/proc/self/maps is not understood", line);
	area->protection = (mode[0] == 'r' ? (uint32_t)PROT_READ : 0) |
	    (mode[1] == 'w' ? (uint32_t)PROT_WRITE : 0) |
	    (mode[2] == 'x' ? (uint32_t)PROT_EXEC : 0);
	area->shared = mode[3] == 's';
	area->name = line + name;
	dump->area_count++;
	return 0;
}

static int
read_areas(struct dump *dump)
{
	int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	char *line = dump->text, *end;
	ssize_t got;

	if (maps == -1)
		return refuse(dump, "/proc/self/maps", strerror(errno));
	while ((got = read(maps, dump->text,
		    (size_t)(dump->text_end - dump->text))) > 0)
		dump->text += got;
	close(maps);
	for (; (end = memchr(line, '\n', (size_t)(dump->text - line))) != NULL;
	     line = end + 1) {
		*end = '\0';
		if (read_area(dump, line) == -1)
			return -1;
	}
	return 0;
}

static bool
is_saved(const struct image_segment *segment)
{
	return segment->library == IMAGE_SAVED;
}

/* Whether each start looks at the file anyhow, for its code is in there. */
static bool
is_program(const struct dump *dump, int32_t library)
{
	size_t i;

	for (i = 0; i < dump->segment_count; i++)
		if (dump->segments[i].library == library &&
		    (dump->segments[i].protection & PROT_EXEC) != 0)
			return true;
	return false;
}

/* Whether it is saved, or may be, for it is small and not made to be run. */
static bool
is_saveable(const struct dump *dump, const struct image_segment *segment)
{
	return is_saved(segment) ||
	    (segment->size <= NEAR * dump->page &&
		(segment->protection & (PROT_READ | PROT_EXEC)) == PROT_READ &&
		(segment->library == IMAGE_EMPTY ||
		    is_program(dump, segment->library)));
}

/* The last two become one, if a saved one with the other is as good. */
static bool
join_last(struct dump *dump)
{
	struct image_segment *last = &dump->segments[dump->segment_count - 1],
			     *one = last - 1;

	if (dump->segment_count < 2 ||
	    one->address + one->size != last->address ||
	    one->protection != last->protection ||
	    (!is_saved(one) && !is_saved(last)) || !is_saveable(dump, one) ||
	    !is_saveable(dump, last))
		return false;
	one->size += last->size;
	one->library = IMAGE_SAVED;
	dump->segment_count--;
	return true;
}

static int
add_segment(struct dump *dump, const struct area *area, uint64_t start,
    uint64_t end, int32_t library)
{
	struct image_segment *segment = &dump->segments[dump->segment_count];

	if (dump->segment_count == SEGMENTS)
		return refuse(dump, "memory is in too many pieces", NULL);
	*segment = (struct image_segment){ .address = start,
		.size = end - start,
		.protection = area->protection,
		.library = library };
	if (library >= 0)
		segment->offset = area->offset + (start - area->start);
	dump->segment_count++;
	while (join_last(dump))
		;
	return 0;
}

static int32_t
find_library(struct dump *dump, const char *name)
{
	size_t i;

	for (i = 0; i < dump->library_count; i++)
		if (strcmp((const char *)dump->libraries[i].name, name) == 0)
			return (int32_t)i;
	if (i == LIBRARIES)
		return -1;
	dump->libraries[i].name = (uint64_t)name;
	place_look(name, IMAGE_WHOLE, &dump->libraries[i].was);
	dump->library_count++;
	return (int32_t)i;
}

static bool
is_empty_page(uint64_t address, uint64_t size)
{
	const uint64_t *word = (const uint64_t *)address;
	uint64_t i, bits = 0;

	for (i = 0; i < size / sizeof(*word); i++)
		bits |= word[i];
	return bits == 0;
}

/* Whether a page must be saved, for nothing else tells what is in it. */
static bool
is_written(const struct dump *dump, const struct area *area, uint64_t address,
    uint64_t entry)
{
	if ((entry & (PAGE_PRESENT | PAGE_SWAPPED)) == 0)
		return false;
	/* Below the frames that stay, the stack begins anew. */
	if (dump->stack >= area->start && dump->stack < area->end &&
	    address + dump->page <= dump->stack)
		return false;
	if (*area->name == '/')
		return (entry & PAGE_FILE) == 0;
	return !is_empty_page(address, dump->page);
}

/* Runs of pages that were written, and of others. */
static int
split_area(struct dump *dump, const struct area *area, int32_t other)
{
	uint64_t at = area->start, start = at, entry;
	int32_t library = other, now;

	for (; at < area->end; at += dump->page) {
		if (!pagemap_ask(&dump->pagemap, at, &entry))
			return refuse(dump, "/proc/self/pagemap", NULL);
		now = is_written(dump, area, at, entry) ? IMAGE_SAVED : other;
		if (now != library && at > start) {
			if (add_segment(dump, area, start, at, library) == -1)
				return -1;
			start = at;
		}
		library = now;
	}
	return add_segment(dump, area, start, area->end, library);
}

static void
forbid(struct dump *dump, const struct area *area)
{
	if (dump->foreign_count ==
	    sizeof(dump->foreign) / sizeof(*dump->foreign))
		return;
	dump->foreign[dump->foreign_count][0] = area->start;
	dump->foreign[dump->foreign_count++][1] = area->end;
}

static int
take_area(struct dump *dump, const struct area *area)
{
	const size_t length = strlen(area->name);
	int32_t library;

	if (strcmp(area->name, "[vsyscall]") == 0 ||
	    area->start == (uint64_t)dump ||
	    (area->start >= PRELOAD_BASE &&
		area->start < PRELOAD_BASE + PRELOAD_SIZE &&
		*area->name == '/'))
		return 0;
	if (strcmp(area->name, "[stack]") == 0 ||
	    strncmp(area->name, "[vdso", 5) == 0 ||
	    strncmp(area->name, "[vvar", 5) == 0) {
		forbid(dump, area);
		return 0;
	}
	if (area->protection == PROT_NONE)
		return add_segment(
		    dump, area, area->start, area->end, IMAGE_EMPTY);
	if (area->shared && (area->protection & PROT_WRITE) != 0)
		return refuse(
		    dump, "memory is shared and written to", area->name);
	if ((area->protection & PROT_EXEC) != 0 &&
	    (*area->name != '/' || (area->protection & PROT_WRITE) != 0))
		return refuse(dump, "memory is made to be run", area->name);
	if (*area->name != '/')
		return split_area(dump, area, IMAGE_EMPTY);
	if (length > 10 && strcmp(area->name + length - 10, " (deleted)") == 0)
		return refuse(dump, "a mapped file is gone", area->name);
	if ((library = find_library(dump, area->name)) == -1)
		return refuse(dump, "too many libraries", NULL);
	if (area->shared || (area->protection & PROT_EXEC) != 0)
		return add_segment(dump, area, area->start, area->end, library);
	return split_area(dump, area, library);
}

/* The thread's words that only the kernel and libc know. */
static int
describe_thread(struct dump *dump, struct image *image)
{
	uint64_t id = 0, robust = 0, size = 0;

	image->thread = thread_pointer();
	if (prctl(PR_GET_TID_ADDRESS, &id) == -1 || id == 0 ||
	    *(const int *)id != (int)syscall(SYS_gettid))
		return refuse(dump,
		    "the kernel does not tell where libc keeps the thread's id",
		    NULL);
	image->thread_id = id;
	if (syscall(SYS_get_robust_list, 0, &robust, &size) == 0 && size == 24)
		image->robust_list = robust;
	if (&__rseq_size != NULL && __rseq_size != 0) {
		image->sequence = image->thread + (uint64_t)__rseq_offset;
		image->sequence_size = 32;
	}
	return 0;
}

/* What a person may look for: the file that memory belongs to. */
static const char *
name_of(const struct dump *dump, uint64_t address)
{
	size_t i;

	for (i = 0; i < dump->area_count; i++)
		if (address >= dump->areas[i].start &&
		    address < dump->areas[i].end)
			return *dump->areas[i].name ? dump->areas[i].name
						    : "memory";
	return "nothing";
}

/* Nothing that is saved may point to what lies elsewhere in each process. */
static int
look_for_foreign(struct dump *dump, const struct image_segment *segment)
{
	const uint64_t *word = (const uint64_t *)segment->address;
	uint64_t i, n;
	char where[256];

	for (i = 0; i < segment->size / sizeof(*word); i++)
		for (n = 0; n < dump->foreign_count; n++)
			if (word[i] >= dump->foreign[n][0] &&
			    word[i] < dump->foreign[n][1]) {
				snprintf(where, sizeof(where),
				    "%s at %p has %p of %s",
				    name_of(dump, (uint64_t)&word[i]),
				    (const void *)&word[i],
				    (void *)(uintptr_t)word[i],
				    name_of(dump, word[i]));
				return refuse(dump,
				    "a word points to the kernel's stack or "
				    "vDSO",
				    where);
			}
	return 0;
}

/* Room for a list in the head. */
static void *
reserve(struct dump *dump, struct image_list *list, size_t count, size_t size)
{
	char *start = (char *)(((uintptr_t)dump->text + 7) / 8 * 8);

	*list = (struct image_list){ (uint64_t)(start - (char *)dump->image),
		count };
	dump->text = start + count * size;
	return start;
}

/* Its place in the head; 0 for none. */
static uint64_t
put_text(struct dump *dump, const char *text)
{
	char *start = dump->text;

	if (text == NULL)
		return 0;
	dump->text = stpcpy(start, text) + 1;
	return (uint64_t)(start - (char *)dump->image);
}

/* Elements begin with so many names, whose addresses become offsets. */
static void
put_list(struct dump *dump, struct image_list *list, const void *elements,
    size_t count, size_t size, size_t names)
{
	char *to = reserve(dump, list, count, size);
	uint64_t *name;

	memcpy(to, elements, count * size);
	for (; count-- > 0; to += size)
		for (name = (uint64_t *)to; name < (uint64_t *)to + names;
		     name++)
			*name = put_text(dump, (const char *)*name);
}

/* What a server says of a request, and who tries the image. */
static void
put_ignored(struct dump *dump)
{
	const char *names[IGNORED];
	size_t count = 0;

	while (count < IGNORED - 1 &&
	    (names[count] = request_meta_name(count)) != NULL)
		count++;
	names[count++] = PLACE_PROBE;
	put_list(dump, &dump->image->ignored, names, count, sizeof(*names), 1);
}

static void
put_segments(struct dump *dump)
{
	struct image_segment *to = reserve(
	    dump, &dump->image->segments, dump->segment_count, sizeof(*to));
	int32_t library;
	size_t i;

	for (library = IMAGE_EMPTY; library < (int32_t)dump->library_count;
	     library++)
		for (i = 0; i < dump->segment_count; i++)
			if (dump->segments[i].library == library) {
				*to = dump->segments[i];
				if (is_saved(to)) {
					to->offset = dump->saved;
					dump->saved += to->size;
				}
				to++;
			}
}

/* The head, in the scratch memory. */
static void
make_head(struct dump *dump, const struct key *key)
{
	struct image *image = reserve(
	    dump, &(struct image_list){ 0 }, 1, sizeof(*image));
	struct image_segment *segment;
	uint64_t first, i;

	dump->image = image;
	put_list(dump, &image->argv, key->caller.argv, (size_t)key->caller.argc,
	    sizeof(char *), 1);
	put_ignored(dump);
	put_list(dump, &image->families, key->families, key->family_count,
	    sizeof(char *), 1);
	put_list(dump, &image->variables, key->variables, key->variable_count,
	    sizeof(*key->variables), 2);
	put_list(dump, &image->files, key->files, key->file_count,
	    sizeof(*key->files), 1);
	put_list(dump, &image->libraries, dump->libraries, dump->library_count,
	    sizeof(*dump->libraries), 1);
	put_segments(dump);
	/* touched.c fills it in: every fourth page, if none of these lie side
	 * by side. */
	image->touched_room = dump->saved / dump->page / 4 + 256;
	reserve(dump, &image->touched, image->touched_room,
	    sizeof(struct image_range));
	image->touched.count = 0;
	image->execfn = put_text(dump, key->caller.execfn);
	image->head = (uint64_t)(dump->text - (char *)image + 8) / 8 * 8;
	first = (image->head + dump->page - 1) / dump->page * dump->page;
	segment = (void *)((char *)image + image->segments.first);
	for (i = 0; i < image->segments.count; i++)
		if (is_saved(&segment[i]))
			segment[i].offset += first;
	image->magic = IMAGE_MAGIC;
	image->version = IMAGE_VERSION;
	image->size = first + dump->saved;
	image->page = dump->page;
	image->user = getuid();
	image->group = getgid();
	memcpy(image->boot, key->caller.boot, sizeof(image->boot));
	image->is_line = key->caller.is_line;
	image->stack = dump->stack;
}

static int
write_at(struct dump *dump, const void *from, uint64_t size, uint64_t offset)
{
	const char *at = from;
	ssize_t done;

	while (size > 0) {
		done = pwrite(dump->file, at, size, (off_t)offset);
		if (done == -1 && errno == EINTR)
			continue;
		if (done <= 0)
			return refuse(
			    dump, "cannot write the image", strerror(errno));
		at += done;
		size -= (uint64_t)done;
		offset += (uint64_t)done;
	}
	return 0;
}

static int
write_image(struct dump *dump)
{
	struct image *image = dump->image;
	const struct image_segment *segment =
	    (const void *)((const char *)image + image->segments.first);
	uint64_t i;

	image->checksum = place_sum(image);
	if (write_at(dump, image, image->head, 0) == -1)
		return -1;
	for (i = 0; i < image->segments.count; i++, segment++)
		if (is_saved(segment) &&
		    (look_for_foreign(dump, segment) == -1 ||
			write_at(dump, (const void *)segment->address,
			    segment->size, segment->offset) == -1))
			return -1;
	/* It goes to the disk while a process tries it; fsync() waits for that,
	 * and tells of failures (keep.c). */
	sync_file_range(dump->file, 0, 0, SYNC_FILE_RANGE_WRITE);
	return 0;
}

const char *
dump_write(int file, const struct key *key,
    void (*awake)(const struct image_call *), uintptr_t stack)
{
	/* Shared, so that it stays an area of its own. */
	struct dump *dump = mmap(NULL, SCRATCH, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t i;

	if (dump == MAP_FAILED)
		return "no memory";
	dump->file = file;
	dump->page = (uint64_t)sysconf(_SC_PAGESIZE);
	dump->stack = stack & ~UINT64_C(15);
	dump->text = (char *)(dump + 1);
	dump->text_end = (char *)dump + SCRATCH / 2;
	if (!pagemap_open(&dump->pagemap, dump->page))
		return "/proc/self/pagemap cannot be read";
	/* malloc() must not believe that it can grow what is not the break. */
	__curbrk = (void *)-4096;
	if (read_areas(dump) == -1)
		return dump->refusal;
	for (i = 0; i < dump->area_count; i++)
		if (take_area(dump, &dump->areas[i]) == -1)
			return dump->refusal;
	make_head(dump, key);
	dump->image->awake = (uint64_t)awake;
	if (describe_thread(dump, dump->image) == 0)
		write_image(dump);
	return dump->refusal;
}
