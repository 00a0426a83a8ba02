/* What a command line says about its request: curl's options, in order. */
#ifndef INVOCATION_WISHES_H
#define INVOCATION_WISHES_H

/* Those without a letter. */
enum {
	WISH_DATA_BINARY = 0x200,
	WISH_DATA_RAW,
	WISH_DATA_URLENCODE,
	WISH_FORM_STRING,
	WISH_JSON,
};

struct wish {
	int letter;
	const char *value; /* NULL: it has none */
};

struct wishes {
	struct wish *wish; /* stays for good, as its values do */
	int count;
};

/* Appends one. Returns 0, or -1 with a failure reported. */
int wishes_append(struct wishes *, int letter, const char *value);

/* The last with this letter, or NULL. */
const struct wish *wishes_last(const struct wishes *, int letter);

#endif
