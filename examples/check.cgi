#!/bin/sh
# For a host without a shell: put this beside app.cgi, and its URL shows what
# stops app.cgi. Everybody sees that, with the names of your folders: remove
# the file afterwards.
echo 'Content-Type: text/plain; charset=utf-8'
echo
exec env -i /usr/local/bin/cgi2wsgi --check app.cgi 2>&1
