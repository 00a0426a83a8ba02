"""The columns of the table: each server, each way of naming to it."""

from apache import SERVERS, SITE, Apache
from webservers import WAYS, WebServer

APACHE = ("apache-prefork", "apache-event")
# Where the application is found, by server and way; with a host's name where
# it has a host of its own.
COLUMNS = {**{name: {**SITE, "root": "//root.localhost"} for name in APACHE},
           **WAYS}
PLACES = {"cgi-bin/site.cgi": "", "htdocs/action/site.wsgi": "",
          "htdocs/front/app.cgi": "", "apps/app.cgi": "",
          "htdocs/fallback/app.cgi": "--script-name /fallback"}


def install(apache):
    """The application of the table, in each of Apache's ways."""
    source = (SERVERS / "interop.py").read_text()
    for place, options in PLACES.items():
        apache.script(place, source, options)
        apache.copy_pages(place.rpartition("/")[0])
    apache.write("apps/site.py", source)
    apache.copy(SERVERS.parents[1] / "examples/htaccess",
                "htdocs/front/.htaccess")
    apache.configure('Include "${SERVERS}/apache-hosts.conf"\n')


def prepared(name):
    """A server with the application, not yet started."""
    if name not in APACHE:
        return WebServer(name)
    server = Apache(name.partition("-")[2])
    install(server)
    return server
