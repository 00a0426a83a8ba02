/* Lesson 0 in C: cc -o 0-program.cgi 0-program.c */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	char *path = getenv("PATH_INFO"), *length = getenv("CONTENT_LENGTH");
	printf("Content-Type: text/plain\r\n\r\n");
	printf("You asked for %s, and sent: ", path ? path : "");
	for (long left = length ? atol(length) : 0; left > 0; left--)
		putchar(getchar());
	return putchar('\n') == EOF;
}
