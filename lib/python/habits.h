/* Where a CGI script looks for its request, and finds nothing here. */
#ifndef PYTHON_HABITS_H
#define PYTHON_HABITS_H

/* Forgets what was told of an earlier request. */
void habits_open(void);

/*
 * From now on a first look into sys.stdin is an entry in the log, which says
 * where the body is. Sets no exception.
 */
void habits_watch_stdin(void);

/*
 * The same of cgi.FieldStorage() without an environ, now or as soon as cgi is
 * imported.
 */
void habits_watch_forms(void);

#endif
