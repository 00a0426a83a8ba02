/* In the place of what make writes. */
#define VERSION "test"
#define PROGRAM "/usr/local/bin/cgi2wsgi"
