/*
 * cgi2wsgi-preload: recognises, never decides (H7). If the very invocation
 * for which cgi2wsgi once decided has left an image, and nothing of what it
 * was made from has changed, that process starts again. Else cgi2wsgi itself
 * runs, with argv unchanged, and may leave an image behind.
 */

#include <linux/fcntl.h>
#include <stddef.h>

#include <config.h>

#include "image/preload.h"
#include "image/raw.h"

#define NOTE_NAME "CGI2WSGI_PRELOAD"
#define NOTE NOTE_NAME "="

__asm__(".globl _start\n"
	".type _start, %function\n"
	"_start:\n"
#if defined(__x86_64__)
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call begin\n"
#else
	"	mov x29, xzr\n"
	"	mov x0, sp\n"
	"	bl begin\n"
#endif
);

/* Reads what the kernel put on the stack. */
static void
read_start(long *stack, struct preload_start *start)
{
	struct place_caller *caller = &start->caller;
	const Elf64_auxv_t *auxiliary;
	char **end;

	*start = (struct preload_start){ .page = 4096 };
	caller->argc = (int)stack[0];
	caller->argv = (char **)(stack + 1);
	caller->environment = end = caller->argv + caller->argc + 1;
	while (*end++ != NULL)
		;
	auxiliary = start->auxiliary = (const Elf64_auxv_t *)end;
	for (; auxiliary->a_type != AT_NULL; auxiliary++)
		switch (auxiliary->a_type) {
		case AT_EXECFN:
			caller->execfn = (const char *)auxiliary->a_un.a_val;
			break;
		case AT_PAGESZ: start->page = auxiliary->a_un.a_val; break;
		case AT_RANDOM:
			start->random =
			    (const unsigned char *)auxiliary->a_un.a_val;
			break;
		default: break;
		}
	start->secure = raw_call_4(__NR_getuid, 0, 0, 0, 0) !=
		raw_call_4(__NR_geteuid, 0, 0, 0, 0) ||
	    raw_call_4(__NR_getgid, 0, 0, 0, 0) !=
		raw_call_4(__NR_getegid, 0, 0, 0, 0);
	start->probe = place_variable(caller->environment, PLACE_PROBE) != NULL;
	start->make = place_variable(caller->environment, PRELOAD_MAKE) != NULL;
}

/*
 * Whether an image of this can be: a request, and either a script's #! line
 * (the kernel says: program, words of the line, script) without query words
 * behind, or CGI2WSGI_ARGS. With more words that could be a #! line, too, below
 * an emulator, which tells another name to be executed.
 */
static bool
recognise(struct preload_start *start)
{
	static const char *const signs[] = { "REQUEST_METHOD",
		"GATEWAY_INTERFACE", "SERVER_PROTOCOL" };
	struct place_caller *caller = &start->caller;
	bool is_request = false;
	size_t i;

	for (i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (place_variable(caller->environment, signs[i]) != NULL)
			is_request = true;
	if (!is_request || start->secure || caller->execfn == NULL ||
	    start->random == NULL || !place_boot(caller->boot))
		return false;
	caller->is_line = (caller->argc == 2 || caller->argc == 3) &&
	    place_equal(caller->argv[caller->argc - 1], caller->execfn);
	return caller->is_line ||
	    (caller->argc < 3 &&
		place_variable(caller->environment, "CGI2WSGI_ARGS") != NULL);
}

/* cgi2wsgi beside this program, else where it was installed. */
static void
name_program(char path[PLACE_SIZE])
{
	long length = raw_call_4(
	    __NR_readlinkat, AT_FDCWD, "/proc/self/exe", path, PLACE_SIZE - 16);

	while (length > 0 && path[length - 1] != '/')
		length--;
	place_append(path, (int)(length > 0 ? length : 0), "cgi2wsgi");
	if (length <= 0 ||
	    raw_call_4(__NR_faccessat, AT_FDCWD, path, 1 /* X_OK */, 0) != 0)
		place_append(path, 0, INSTALLED);
}

/*
 * Tells cgi2wsgi what the kernel was given to execute, as no client can: the
 * process id makes it ours, and not some parent's. how: what this start is for
 */
static void
write_note(char note[2 * PLACE_SIZE], const char *how, const char *execfn)
{
	uint64_t id = (uint64_t)raw_call_4(__NR_getpid, 0, 0, 0, 0);
	int length = place_append_number(note, place_append(note, 0, NOTE), id);

	length = place_append(note, length, how);
	place_append(note + length, 0, execfn != NULL ? execfn : "");
}

/* Where cgi2wsgi is a link to this program, that would go on for ever. */
__attribute__((noinline)) static bool
is_executed_by_itself(const struct preload_start *start)
{
	const char *found = place_variable(
	    start->caller.environment, NOTE_NAME);
	char note[2 * PLACE_SIZE];

	if (found == NULL)
		return false;
	write_note(note, " ", NULL);
	return place_begins(found, note + sizeof(NOTE) - 1) > 0;
}

static void
execute(const struct preload_start *start, const char *program, char *note)
{
	char **from = start->caller.environment, **to;
	size_t count = 0;

	while (from[count] != NULL)
		count++;
	to = __builtin_alloca((count + 2) * sizeof(*to));
	to[0] = note;
	for (count = 0; from[count] != NULL; count++)
		to[count + 1] = from[count];
	to[count + 1] = NULL;
	raw_call_4(__NR_execve, program, start->caller.argv, to, 0);
}

/* Whether saving this failed a short while ago (keep.c). */
static bool
is_refused(const struct preload_start *start)
{
	struct image_stat stat;
	char name[PLACE_NAME];
	int64_t now[2] = { 0 };
	int which, folder;

	place_name(&start->caller, PLACE_REFUSAL, name);
	raw_call_4(__NR_clock_gettime, 0, now, 0, 0);
	for (which = 0; which < PLACES; which++) {
		if ((folder = place_open(&start->caller, which)) < 0)
			continue;
		place_stat(folder, name, AT_SYMLINK_NOFOLLOW, &stat);
		raw_call_4(__NR_close, folder, 0, 0, 0);
		if (stat.inode != 0 &&
		    now[0] - stat.changed / 1000000000 < PLACE_PATIENCE)
			return true;
	}
	return false;
}

static _Noreturn void
fail(const char *why, size_t length)
{
	raw_call_4(__NR_write, 2, why, length, 0);
	for (;;)
		raw_call_4(__NR_exit_group, 127, 0, 0, 0);
}

/*
 * cgi2wsgi itself, which may leave an image behind. Not part of begin(), whose
 * stack would have room for these, and each page of that is written to.
 */
__attribute__((noinline)) static void
start_ordinary(const struct preload_start *start, bool saves)
{
	char program[PLACE_SIZE], note[2 * PLACE_SIZE];

	name_program(program);
	if (saves) {
		write_note(note, start->make ? " make " : " save ",
		    start->caller.execfn);
		load_program(start, program, note);
	}
	if (start->probe || start->make)
		raw_call_4(__NR_exit_group, 1, 0, 0, 0);
	write_note(note, " run ", start->caller.execfn);
	execute(start, program, note);
}

__attribute__((used)) _Noreturn void
begin(long *stack)
{
	static const char
	    failed[] = "cgi2wsgi-preload: cannot execute cgi2wsgi\n",
	    same[] = "cgi2wsgi-preload: cgi2wsgi is but another name of it: "
		     "install both programs\n";
	struct preload_start start;
	bool recognised;

	read_start(stack, &start);
	if (is_executed_by_itself(&start))
		fail(same, sizeof(same) - 1);
	recognised = recognise(&start);
	if (recognised && !start.make)
		thaw(&start);
	start_ordinary(&start,
	    recognised && !start.probe && (start.make || !is_refused(&start)));
	fail(failed, sizeof(failed) - 1);
}
