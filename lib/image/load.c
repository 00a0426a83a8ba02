/*
 * What exec does, by hand: the program and its dynamic linker are mapped, and
 * a stack is filled. Two things differ, and make the process one that can be
 * saved. The stack is ordinary memory, and its words are copies: what libc
 * keeps of them can be restored where it was. And nothing tells of the
 * kernel's vDSO, which lies elsewhere in each process: libc asks the kernel
 * for the time instead, and for random numbers, whose state the kernel would
 * not let anybody copy.
 */

#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/resource.h>
#include <stddef.h>

#include "image/preload.h"
#include "image/raw.h"

#define STACK_LEAST ((uint64_t)8 << 20) /* for deep recursion, as usual */
#define STACK_MOST ((uint64_t)64 << 20)
#define GUARD ((uint64_t)64 << 10) /* below it */
#define HEADERS 32

/* A file that is mapped to be run. */
struct program {
	Elf64_Ehdr header;
	Elf64_Phdr part[HEADERS];
	uint64_t base; /* what is added to its addresses */
	char linker[PLACE_SIZE]; /* PT_INTERP, or empty */
};

/* Where the next words of the new stack go. */
struct stack {
	uint64_t *word;
	char *text;
};

static uint64_t
round_down(uint64_t address, uint64_t unit)
{
	return address & ~(unit - 1);
}

static bool
read_at(int file, void *to, uint64_t size, uint64_t offset)
{
	return raw_call_4(__NR_pread64, file, to, size, offset) == (long)size;
}

static bool
read_headers(int file, struct program *program)
{
	const Elf64_Ehdr *header = &program->header;
	int i;

	program->linker[0] = '\0';
	if (!read_at(file, &program->header, sizeof(*header), 0) ||
	    header->e_phnum > HEADERS ||
	    !read_at(file, program->part,
		header->e_phnum * sizeof(program->part[0]), header->e_phoff))
		return false;
	for (i = 0; i < header->e_phnum; i++) {
		if (program->part[i].p_type != PT_INTERP)
			continue;
		if (program->part[i].p_filesz > PLACE_SIZE ||
		    !read_at(file, program->linker, program->part[i].p_filesz,
			program->part[i].p_offset))
			return false;
	}
	return true;
}

/* The span of all parts that are mapped, and what their start must divide. */
static void
measure(const struct program *program, uint64_t *start, uint64_t *end,
    uint64_t *unit)
{
	const Elf64_Phdr *part = program->part;
	int i;

	*start = ~UINT64_C(0);
	*end = *unit = 0;
	for (i = 0; i < program->header.e_phnum; i++, part++) {
		if (part->p_type != PT_LOAD)
			continue;
		if (part->p_vaddr < *start)
			*start = part->p_vaddr;
		if (part->p_vaddr + part->p_memsz > *end)
			*end = part->p_vaddr + part->p_memsz;
		if (part->p_align > *unit)
			*unit = part->p_align;
	}
}

static bool
map_at(uint64_t address, uint64_t size, uint64_t protection, uint64_t flags,
    int file, uint64_t offset)
{
	return raw_call_6(__NR_mmap, address, size, protection,
		   flags | MAP_PRIVATE, file, offset) == (long)address;
}

static uint64_t
protection_of(const Elf64_Phdr *part)
{
	return (part->p_flags & PF_R ? (uint64_t)PROT_READ : 0) |
	    (part->p_flags & PF_W ? (uint64_t)PROT_WRITE : 0) |
	    (part->p_flags & PF_X ? (uint64_t)PROT_EXEC : 0);
}

/* What of it is in the file, then the zero bytes behind. */
static bool
map_part(const struct program *program, const Elf64_Phdr *part, int file,
    uint64_t page)
{
	uint64_t address = program->base + part->p_vaddr,
		 start = round_down(address, page),
		 filled = address + part->p_filesz,
		 full = round_down(filled + page - 1, page),
		 end = round_down(address + part->p_memsz + page - 1, page);
	char *zero = (char *)filled;

	if (full > start &&
	    !map_at(start, full - start, protection_of(part), MAP_FIXED, file,
		round_down(part->p_offset, page)))
		return false;
	if (part->p_memsz > part->p_filesz && (part->p_flags & PF_W))
		while (zero < (char *)full)
			*zero++ = '\0';
	return end <= full ||
	    map_at(full, end - full, protection_of(part),
		MAP_FIXED | MAP_ANONYMOUS, -1, 0);
}

/* Reserves the span first: at its fixed place, or where there is room. */
static bool
map_program(struct program *program, int file, uint64_t page)
{
	uint64_t start, end, unit, span, fixed = 0, flags = MAP_ANONYMOUS;
	long got;
	int i;

	measure(program, &start, &end, &unit);
	start = round_down(start, page);
	span = round_down(end + page - 1, page) - start;
	if (program->header.e_type == ET_EXEC) {
		fixed = start;
		flags |= MAP_FIXED_NOREPLACE;
		unit = page;
	}
	got = raw_call_6(__NR_mmap, fixed, span + unit - page, PROT_NONE,
	    flags | MAP_PRIVATE | MAP_NORESERVE, -1, 0);
	if (got < 0 && got > -4096)
		return false;
	if (fixed != 0 && got != (long)fixed)
		return false;
	program->base = round_down((uint64_t)got + unit - page, unit) - start;
	if (program->header.e_type == ET_EXEC)
		program->base = 0;
	for (i = 0; i < program->header.e_phnum; i++)
		if (program->part[i].p_type == PT_LOAD &&
		    !map_part(program, &program->part[i], file, page))
			return false;
	return true;
}

static bool
map_file(struct program *program, const char *path, uint64_t page)
{
	int file = (int)raw_call_4(
	    __NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	bool mapped;

	if (file < 0)
		return false;
	mapped = read_headers(file, program) &&
	    map_program(program, file, page);
	raw_call_4(__NR_close, file, 0, 0, 0);
	return mapped;
}

static uint64_t
text_size(const char *text)
{
	uint64_t size = 1;

	while (*text++ != '\0')
		size++;
	return size;
}

static uint64_t
put_text(struct stack *to, const char *text)
{
	char *start = to->text;

	do
		*to->text++ = *text;
	while (*text++ != '\0');
	return (uint64_t)start;
}

static uint64_t
stack_size(void)
{
	struct rlimit limit;

	if (raw_call_4(__NR_prlimit64, 0, RLIMIT_STACK, NULL, &limit) != 0 ||
	    limit.rlim_cur < STACK_LEAST)
		return STACK_LEAST;
	return limit.rlim_cur < STACK_MOST ? limit.rlim_cur & ~GUARD
					   : STACK_MOST;
}

/* Some words of the auxiliary vector become those of what was mapped. */
static void
put_auxiliary(struct stack *to, const struct preload_start *start,
    const struct program *program, const struct program *linker)
{
	const Elf64_auxv_t *from = start->auxiliary;
	uint64_t value;
	int i;

	for (; from->a_type != AT_NULL; from++) {
		value = from->a_un.a_val;
		if (from->a_type == AT_SYSINFO_EHDR)
			continue;
		if (from->a_type == AT_PHDR)
			value = program->base + program->part[0].p_vaddr +
			    (program->part[0].p_type == PT_PHDR
				    ? 0
				    : program->header.e_phoff);
		else if (from->a_type == AT_PHNUM)
			value = program->header.e_phnum;
		else if (from->a_type == AT_BASE)
			value = linker->base;
		else if (from->a_type == AT_ENTRY)
			value = program->base + program->header.e_entry;
		else if (from->a_type == AT_EXECFN)
			value = put_text(to, start->caller.execfn);
		else if (from->a_type == AT_PLATFORM)
			value = put_text(to, (const char *)value);
		else if (from->a_type == AT_RANDOM) {
			value = (uint64_t)to->text;
			for (i = 0; i < 16; i++)
				*to->text++ = (char)start->random[i];
		}
		*to->word++ = from->a_type;
		*to->word++ = value;
	}
	*to->word++ = AT_NULL;
	*to->word++ = 0;
}

/* argc, argv, the environment, the auxiliary vector, and their texts. */
static uint64_t
fill_stack(const struct preload_start *start, const struct program *program,
    const struct program *linker, const char *note)
{
	const Elf64_auxv_t *auxiliary = start->auxiliary;
	char **variable = start->caller.environment;
	uint64_t words = 8, texts = 4096, size = stack_size(), low;
	struct stack to;
	long got;
	int i;

	for (i = 0; i < start->caller.argc; i++, words++)
		texts += text_size(start->caller.argv[i]);
	for (; *variable != NULL; variable++, words++)
		texts += text_size(*variable);
	for (; auxiliary->a_type != AT_NULL; auxiliary++)
		words += 2;
	texts += text_size(note) + text_size(start->caller.execfn);
	texts = round_down(texts + 8 * words + 4095, 4096);
	size += round_down(texts + GUARD - 1, GUARD);
	got = raw_call_6(__NR_mmap, 0, GUARD + size, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if ((got < 0 && got > -4096) ||
	    raw_call_4(__NR_mprotect, got + (long)GUARD, size,
		PROT_READ | PROT_WRITE, 0) != 0)
		return 0;
	low = (uint64_t)got + GUARD + size - texts;
	to.word = (uint64_t *)low;
	to.text = (char *)(low + 8 * words);
	*to.word++ = (uint64_t)start->caller.argc;
	for (i = 0; i < start->caller.argc; i++)
		*to.word++ = put_text(&to, start->caller.argv[i]);
	*to.word++ = 0;
	*to.word++ = put_text(&to, note);
	for (variable = start->caller.environment; *variable; variable++)
		*to.word++ = put_text(&to, *variable);
	*to.word++ = 0;
	put_auxiliary(&to, start, program, linker);
	return low;
}

/* With registers as exec leaves them: the linker stores some. */
static _Noreturn void
enter(uint64_t stack, uint64_t entry)
{
#if defined(__x86_64__)
	__asm__ volatile("mov %0, %%rsp\n\t"
			 "xor %%ebx, %%ebx\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "xor %%edx, %%edx\n\t"
			 "xor %%esi, %%esi\n\t"
			 "xor %%r8d, %%r8d\n\t"
			 "xor %%r9d, %%r9d\n\t"
			 "xor %%r10d, %%r10d\n\t"
			 "xor %%r12d, %%r12d\n\t"
			 "xor %%r13d, %%r13d\n\t"
			 "xor %%r14d, %%r14d\n\t"
			 "xor %%r15d, %%r15d\n\t"
			 "jmp *%1"
			 :
			 : "D"(stack), "a"(entry)
			 : "memory");
#else
	register uint64_t x16 __asm__("x16") = entry;
	register uint64_t x17 __asm__("x17") = stack;

	__asm__ volatile("mov sp, x17\n\t"
			 "mov x0, xzr\n\t"
			 "mov x19, xzr\n\t"
			 "mov x20, xzr\n\t"
			 "mov x21, xzr\n\t"
			 "mov x22, xzr\n\t"
			 "mov x23, xzr\n\t"
			 "mov x24, xzr\n\t"
			 "mov x25, xzr\n\t"
			 "mov x26, xzr\n\t"
			 "mov x27, xzr\n\t"
			 "mov x28, xzr\n\t"
			 "mov x29, xzr\n\t"
			 "mov x30, xzr\n\t"
			 "br x16"
			 :
			 : "r"(x16), "r"(x17)
			 : "memory");
#endif
	__builtin_unreachable();
}

void
load_program(const struct preload_start *start, const char *file, char *note)
{
	struct program program, linker;
	uint64_t stack;

	/* What is mapped next may not end where the kernel's vDSO begins: an
	 * end's address would look like one of the vDSO's. */
	raw_call_6(__NR_mmap, 0, GUARD, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!map_file(&program, file, start->page) ||
	    program.linker[0] == '\0' ||
	    !map_file(&linker, program.linker, start->page))
		return;
	stack = fill_stack(start, &program, &linker, note);
	if (stack != 0)
		enter(stack, linker.base + linker.header.e_entry);
}
