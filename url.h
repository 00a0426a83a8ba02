/* The percent-encoding of RFC 3986 2.1. */
#ifndef URL_H
#define URL_H

/* Decodes in place, once; %00 stays, since it would end the text. */
void	 url_decode(char *text);

#endif
