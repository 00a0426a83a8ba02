"""The columns of the table: each server, each way of naming to it."""

import roots
from apache import ROOT, SERVERS, SITE, Apache
from suexec import Suexec
from webservers import WAYS, WebServer

APACHE = {**SITE, "root": "//root.localhost", **roots.WAYS["apache"]}
# SetEnv does not reach the program there, so nothing names an application
# to it: CGI2WSGI_ARGS is of no use.
SUEXEC = {way: base for way, base in APACHE.items() if way != "args"}
# Where the application is found, by server and way; with a host's name where
# it has a host of its own.
COLUMNS = {"apache-prefork": APACHE, "apache-event": APACHE,
           "apache-suexec": SUEXEC, **WAYS}
# There is no column for merecat: Debian's package conflicts with
# apache2-utils, which Apache needs.

# What cannot run here, and why.
LEFT_OUT = {} if ROOT else {"apache-suexec": "suEXEC needs root"}
for name in LEFT_OUT:
    del COLUMNS[name]
HTACCESS = SERVERS.parents[1] / "examples/htaccess"
PLACES = {"cgi-bin/site.cgi": "", "htdocs/action/site.wsgi": "",
          "htdocs/front/app.cgi": "", "apps/app.cgi": "",
          "htdocs/fallback/app.cgi": "--script-name /fallback"}


def install(apache):
    """The application of the table, in each of Apache's ways."""
    source = (SERVERS / "interop.py").read_text()
    settings = f"--env DATA={apache.tree}/data --env GATES={apache.tree}/gates"
    for place, options in PLACES.items():
        apache.script(place, source, f"{settings} {options}")
        apache.copy_pages(place.rpartition("/")[0])
    apache.write("apps/site.py", source)
    apache.write("htdocs/front/.htaccess", HTACCESS.read_text())
    apache.configure('Include "${SERVERS}/apache-hosts.conf"\n'
                     'Include "${SERVERS}/apache-roots.conf"\n')
    roots.install(apache, source, settings)


def prepared(name):
    """A server with the application, not yet started."""
    if name in WAYS:
        return WebServer(name)
    server = Suexec() if name == "apache-suexec" else Apache(name[7:])
    install(server)
    if name == "apache-suexec":
        with open(server.tree / "htdocs/front/.htaccess", "a") as file:
            file.write("CGIPassAuth On\n")
    return server
