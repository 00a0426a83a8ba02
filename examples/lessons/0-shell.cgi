#!/bin/sh
# Lesson 0: a CGI program. The request is in variables and standard input, the
# reply goes to standard output: headers, an empty line, the body.
printf 'Content-Type: text/plain\r\n\r\n'
printf 'You asked for %s, and sent: ' "$PATH_INFO"
head -c "${CONTENT_LENGTH:-0}"
echo
