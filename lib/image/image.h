/*
 * The file that a process is kept in, as it is on disk. One program writes it
 * (dump.c), another one reads it (thaw.c, without a libc).
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include "image/parts.h"

#define IMAGE_MAGIC UINT64_C(0x6567616d69773263) /* "c2wimage" */
#define IMAGE_VERSION 4 /* of this format: another one is not read */

/* The beginning of the file. What follows it are lists and names. */
struct image {
	uint64_t magic, version;
	uint64_t checksum; /* of the rest of the head, see place_sum() */
	uint64_t head; /* bytes of the head: all but the saved memory */
	uint64_t size; /* bytes of the file: it may have been cut short */
	uint64_t page; /* size of one */
	uint64_t user, group; /* effective; real ones are the same */
	char boot[40]; /* of the kernel: same machine, same processor */
	uint64_t is_line; /* H2: a #! line, not CGI2WSGI_ARGS */
	struct image_list argv; /* of names: all words, query words are none */
	uint64_t execfn; /* name: what the kernel was given to execute */
	struct image_list files; /* code that was read, folders searched */
	struct image_list libraries; /* files that are mapped, the same way */
	struct image_list variables; /* that the import looked at */
	struct image_list ignored; /* of names: request variables; a last _ is a
				    * prefix */
	struct image_list segments; /* by library, then by address */
	struct image_list touched; /* ranges that a first start wrote to: a
				    * fault for each page costs more */
	uint64_t touched_room; /* for so many */
	struct image_list families; /* of prefixes: no other variable with one
				     * may come; none at all if it is empty */
	/* the only thread */
	uint64_t awake; /* void (*)(const struct image_call *) */
	uint64_t stack; /* its pointer then */
	uint64_t thread; /* the thread pointer: fs on x86-64, tpidr_el0 */
	uint64_t thread_id; /* address of libc's copy of gettid() */
	uint64_t robust_list; /* set_robust_list(2) */
	uint64_t sequence, sequence_size; /* rseq(2); address 0: none */
};

/* What thaw.c hands over: the new process's own. */
struct image_call {
	int argc;
	char **argv, **environment;
	int probe; /* end well behind the border, without a request */
};

#endif
