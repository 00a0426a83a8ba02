/* Where the application is mounted: SCRIPT_NAME, and PATH_INFO below it. */
#ifndef CGI_MOUNT_H
#define CGI_MOUNT_H

#include "cgi/request.h"

/*
 * Makes SCRIPT_NAME and PATH_INFO name the path that the client asked for,
 * where the server leaves no doubt or --script-name says so (conformance
 * B16). prefix is that option's word, or NULL; action_tail, of Apache's
 * Action, is PATH_TRANSLATED behind the file, or NULL. Replaced values are
 * kept as cgi2wsgi.script_name and the like. Returns 0, or -1 without memory.
 */
int mount_repair(struct request *, const char *prefix, const char *action_tail);

#endif
