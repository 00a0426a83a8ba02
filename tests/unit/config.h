/* In the place of what make writes. */
#define VERSION "test"
#define INSTALLED "/usr/local/bin/cgi2wsgi"
