/* Paths of URLs: percent-encoding (RFC 3986 2.1) and segments (3.3). */
#ifndef CGI_URL_H
#define CGI_URL_H

/* Decodes in place, once; %00 stays, since it would end the text. */
void url_decode(char *text);

/*
 * Takes empty and dot segments out of an absolute path, in place, as most
 * servers do (RFC 3986 5.2.4). "" becomes "/", which needs a byte more.
 */
void url_normalize(char *path);

#endif
