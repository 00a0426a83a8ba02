/*
 * What may stand in the head of a response. Lengths are explicit: a NUL byte
 * is as wrong as any other control character.
 */
#ifndef CGI_HEADER_H
#define CGI_HEADER_H

#include <stddef.h>
#include <stdint.h>

/*
 * Each returns NULL if the text is allowed, or the rule that it breaks.
 * Status: PEP 3333 "start_response()"; names and values: RFC 9110 5.1, 5.5;
 * hop-by-hop names: PEP 3333 "Other HTTP Features". "Status" is no name (E4).
 */
const char *header_check_status(const char *, size_t);
const char *header_check_name(const char *, size_t);
const char *header_check_value(const char *, size_t);

/* The value without the spaces and tabs at its ends (RFC 9110 5.5). */
const char *header_trim(const char *value, size_t *length);

/*
 * Reads a decimal length (RFC 9110 8.6: digits only).
 * Returns 0, or -1 if it is none or does not fit.
 */
int header_read_length(const char *, size_t, int64_t *);

#endif
