/* What the program answers, as it will under the server. */
#ifndef CHECK_ANSWERS_H
#define CHECK_ANSWERS_H

#include "check/python.h"

/*
 * Starts the program for GET, HEAD and POST, and adds findings about what it
 * answers and logs; then about what wsgiref.validate says of the application.
 */
void answers_check(const struct subject *);

#endif
