/* The date of this moment, in UTC; also in signal handlers. */
#ifndef CGI_DATE_H
#define CGI_DATE_H

#include <stdint.h>
#include <time.h>

#include "cgi/buffer.h"

/* What gmtime(3) says of seconds since 1970, but for the day of the year. */
struct tm date_of(int64_t seconds);

/* The header Date with CRLF (RFC 9110 5.6.7). */
void date_add_header(struct buffer *);

/* The time of an entry in the log, and a blank (ISO 8601). */
void date_add_entry(struct buffer *);

#endif
