"""The columns of the table: each server, each way of naming to it."""

import apache_recipes
from apache import ROOT, SERVERS, Apache
from suexec import Suexec
from webservers import WAYS, WebServer

APACHE = apache_recipes.WAYS
# SetEnv does not reach the program there, so nothing names an application
# to it: CGI2WSGI_ARGS is of no use.
SUEXEC = {way: base for way, base in APACHE.items() if way != "args"}
# Where the application is found, by server and way; with a host's name where
# it has a host of its own.
ALL = {"apache-prefork": APACHE, "apache-event": APACHE,
       "apache-suexec": SUEXEC, **WAYS}
# There is no column for merecat: Debian's package conflicts with
# apache2-utils, which Apache needs.

# What cannot run here, and why.
LEFT_OUT = {} if ROOT else {"apache-suexec": "suEXEC needs root"}
COLUMNS = {server: ways for server, ways in ALL.items()
           if server not in LEFT_OUT}
HTACCESS = SERVERS.parents[1] / "examples/htaccess"


def install(apache):
    """The application of the table, in each of Apache's ways."""
    apache_recipes.install(
        apache, (SERVERS / "interop.py").read_text(),
        f"--env DATA={apache.tree}/data --env GATES={apache.tree}/gates")
    for _, file, _ in apache_recipes.SITES.values():
        place = apache_recipes.place(apache, file)
        apache.copy_pages(place.rpartition("/")[0])
    install_rules(apache)


def install_rules(apache):
    """/twice, which is rewritten twice, and /gone, with an error document."""
    root = f"{apache_recipes.FOLDER}/htdocs"
    public = f"{root}/twice/public"
    apache.copy_pages(public)
    apache.script(f"{public}/app.cgi", (SERVERS / "interop.py").read_text(),
                  f"--env DATA={apache.tree}/data")
    apache.write(f"{root}/twice/.htaccess", "RewriteEngine on\n"
                 "RewriteRule ^(.*)$ public/$1 [L]\n")
    apache.copy(HTACCESS, f"{public}/.htaccess")
    apache.folder(f"{root}/gone")
    apache.configure(f"""
        <Directory "{apache.tree}/{root}/twice">
            AllowOverride FileInfo Options=ExecCGI
            Options SymLinksIfOwnerMatch
        </Directory>
        <Directory "{apache.tree}/{root}/gone">
            ErrorDocument 404 /cgi-bin/app.cgi/echo
        </Directory>
    """)


def prepared(name):
    """A server with the application, not yet started."""
    if name in WAYS:
        return WebServer(name)
    server = Suexec() if name == "apache-suexec" else Apache(name[7:])
    install(server)
    if name == "apache-suexec":
        apache_recipes.write_htaccess(server, "CGIPassAuth On\n")
    return server
