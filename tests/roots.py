"""Front controllers that have a whole host, as in a hoster's folder."""

from apache import SERVERS

HTACCESS = SERVERS.parents[1] / "examples/htaccess"
# By server; as tests/columns.py wants them.
WAYS = {
    "apache": {"htaccess-root": "//htaccess.localhost",
               "fallback-root": "//fallback.localhost"},
    "lighttpd": {"rewrite-root": "//rewrite.localhost",
                 "error-404-root": "//fallback.localhost"},
}


def install(server, source, settings):
    """The application in the folder of each host."""
    for name, options in (("htaccess", ""), ("rewrite", ""),
                          ("fallback", "--script-name /")):
        server.copy_pages(f"htdocs/roots/{name}")
        server.script(f"htdocs/roots/{name}/app.cgi", source,
                      f"{settings} {options}")
    # As a last line, for suEXEC.
    server.write("htdocs/roots/htaccess/.htaccess",
                 HTACCESS.read_text() + "CGIPassAuth On\n")
