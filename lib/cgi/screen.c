/* The kernel and the environment tell; nothing is written to the terminal. */

#include <sys/ioctl.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/screen.h"

bool
screen_has_colours(int descriptor)
{
	const char *none = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(descriptor) == 1 && (none == NULL || *none == '\0') &&
	    terminal != NULL && strcmp(terminal, "dumb") != 0;
}

int
screen_columns(int descriptor)
{
	struct winsize size;

	if (isatty(descriptor) != 1)
		return 0;
	return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0
	    ? size.ws_col
	    : 80;
}
