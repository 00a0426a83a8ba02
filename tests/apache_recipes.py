"""Apache with what cgi2wsgi-servers(7) prints for it."""

from recipes import files, here

CONFIGURATION = "/etc/apache2/conf-available/cgi2wsgi.conf"
HOSTS = "/etc/apache2/sites-available/app.conf"
HTACCESS = "/var/www/html/host/.htaccess"
# Each way of naming an application: its URL, its file, and the options in the
# file's first line; None if it has no such line.
SITES = {
    "script": ("/cgi-bin/app.cgi", "/usr/lib/cgi-bin/app.cgi", ""),
    "alias": ("/notes", "/srv/notes/app.cgi", ""),
    "args": ("/demo", "/srv/demo/app.py", None),
    "action": ("/pages/app.wsgi", "/var/www/html/pages/app.wsgi", ""),
    "htaccess": ("/host", "/var/www/html/host/app.cgi", ""),
    "fallback": ("/news", "/var/www/html/news/app.cgi",
                 "--script-name /news"),
    "root": ("//app.example.org", "/srv/app/app.cgi", ""),
    "htaccess-root": ("//host.example.org", "/srv/host/app.cgi", ""),
    "fallback-root": ("//news.example.org", "/srv/news/app.cgi",
                      "--script-name /"),
}
WAYS = {way: url for way, (url, _, _) in SITES.items()}
# What Debian's Apache has: a host for what no other is for, and a cgi-bin.
DEBIAN = """
<VirtualHost *:80>
    DocumentRoot "/var/www/html"
    ScriptAlias "/cgi-bin/" "/usr/lib/cgi-bin/"
    <Directory "/usr/lib/cgi-bin">
        Require all granted
    </Directory>
    <Directory "/var/www/html">
        Require all granted
    </Directory>
</VirtualHost>
"""
# Below the tree: a folder that no other part of Apache's configuration is
# about.
FOLDER = "apps/debian"


def place(apache, file):
    """A printed file's name below the tree; its folder is made."""
    name = here(file, FOLDER)
    apache.folder(name.rpartition("/")[0])
    return name


def write_htaccess(apache, more=""):
    """The .htaccess of both folders that have one."""
    for file in (HTACCESS, "/srv/host/.htaccess"):
        apache.write(place(apache, file), files()[HTACCESS] + more)


def install(apache, source, settings=""):
    """An application in each way, and the configuration as it is printed."""
    folder = apache.folder(FOLDER)
    apache.install_program(
        place(apache, "/usr/local/bin/cgi2wsgi").rpartition("/")[0])
    apache.write(place(apache, "/usr/lib/cgi-bin/ready"),
                 (apache.tree / "cgi-bin/ready").read_bytes(), 0o755)
    for _, file, options in SITES.values():
        if options is None:
            apache.write(place(apache, file), source)
        else:
            apache.script(place(apache, file), source,
                          f"{settings} {options}")
    write_htaccess(apache)
    for text in (DEBIAN, files()[CONFIGURATION], files()[HOSTS]):
        apache.configure(here(text, folder).replace("*:80>", "*:${PORT}>"))
