"""SCRIPT_NAME and PATH_INFO name what the client asked for (B16).

Real requests through Apache, lighttpd and nginx, in each way in which they
bring a URL to a script (rewritings.py), and the links that applications build
there, followed by a client.
"""

import html
import json
import re
from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest

from apache import SERVERS, Apache, serving
from mounted import FRAMEWORKS
from rewritings import (APACHE, FRONT, INDEX, LIGHTTPD, NGINX, NOT_FOLDER,
                        SAME, Way, wordpress)
from webservers import WebServer

HOST = "{}.example.org"
# A client's headers that try to choose where the application is.
FORGED = {name: "/forged/echo" for name in (
    "Script-Name", "Path-Info", "Script-Url", "Redirect-Url", "Request-Uri",
    "X-Script-Name", "X-Forwarded-Prefix", "X-Original-Url",
    "X-Rewrite-Url", "Redirect-Status", "Redirect-Handler")}
VIRTUAL_HOST = """
<VirtualHost *:${PORT}>
    ServerName %s
    DocumentRoot "@"
    AllowEncodedSlashes On
    <Directory "@">
        Require all granted
        Options +ExecCGI +FollowSymLinks +Includes +MultiViews
        AddHandler cgi-script .cgi
        AllowOverride All
    </Directory>
    %s
</VirtualHost>
"""
DEFAULT_HOST = """
%s
<VirtualHost *:${PORT}>
    DocumentRoot "${TREE}/htdocs"
</VirtualHost>
""" % "\n".join(f'LoadModule {name}_module "${{MODULES}}/mod_{name}.so"'
                for name in ("filter", "include", "negotiation", "userdir"))
SSI = "AddType text/html .shtml\nAddOutputFilter INCLUDES .shtml\n"
# What is not below an application's root, or nobody repairs: the way, a URL,
# and variables as they have to arrive.
ODD = {
    "error": (Way("ErrorDocument 404 /app.cgi"), "/missing/echo?x=1",
              {"SCRIPT_NAME": "/app.cgi", "PATH_INFO": "",
               "REDIRECT_URL": "/missing/echo", "REDIRECT_STATUS": "404",
               "REDIRECT_QUERY_STRING": "x=1"}),
    "error-path": (Way("ErrorDocument 404 /app.cgi/echo/404"), "/missing",
                   {"SCRIPT_NAME": "/app.cgi", "PATH_INFO": "/echo/404",
                    "REDIRECT_URL": "/missing"}),
    "error-front": (Way("ErrorDocument 404 /shop/echo",
                        {"shop/.htaccess": FRONT}, "shop/app.cgi"),
                    "/missing/shop/echo",
                    {"SCRIPT_NAME": "/shop/app.cgi", "PATH_INFO": "/echo",
                     "REDIRECT_URL": "/shop/echo"}),
    "error-rules": (Way("RewriteEngine on\nErrorDocument 404 /app.cgi/x"),
                    "/missing",
                    {"SCRIPT_NAME": "/app.cgi", "PATH_INFO": "/x",
                     "SCRIPT_URL": "/missing", "REDIRECT_URL": "/missing"}),
    **{f"error-{framework}": (
        Way(f"ErrorDocument 404 /app.cgi/{framework}"), "/missing/thing",
        {}) for framework in ("flask", "bottle")},
    "outside": (Way('ScriptAlias "/catchall" "@/app.cgi"',
                    options="--script-name /api"), "/catchall?q",
                {"SCRIPT_NAME": "/catchall", "PATH_INFO": ""}),
    "outside-path": (Way('ScriptAlias "/catchall" "@/app.cgi"',
                         options="--script-name /api"), "/catchall/api/a",
                     {"SCRIPT_NAME": "/catchall", "PATH_INFO": "/api/a"}),
    "outside-fallback": (Way("FallbackResource /app.cgi",
                             options="--script-name /api"), "/apis/a?q",
                         {"SCRIPT_NAME": "/app.cgi", "PATH_INFO": ""}),
    "off": (Way(files={"shop/.htaccess": FRONT}, script="shop/app.cgi",
                options="--script-name off"), "/shop/echo",
            {"SCRIPT_NAME": "/shop/app.cgi", "PATH_INFO": "/echo",
             "REDIRECT_URL": "/shop/echo"}),
    "off-index": (Way(INDEX, options="--script-name off"), "/?q",
                  {"SCRIPT_NAME": "/app.cgi", "PATH_INFO": ""}),
    "include": (Way(SSI, {"page.shtml": '<!--#include virtual="/app.cgi/a/b'
                                        '?q=1" -->'}), "/page.shtml?x=2",
                {"SCRIPT_NAME": "/app.cgi", "PATH_INFO": "/a/b",
                 "QUERY_STRING": "q=1"}),
    "include-bare": (Way(SSI, {"page.shtml": '<!--#include virtual="/app.cgi'
                                             '?q=1" -->'}), "/page.shtml",
                     {"SCRIPT_NAME": "/app.cgi", "PATH_INFO": ""}),
    "include-front": (Way(SSI, {"page.shtml": '<!--#include virtual='
                                              '"/shop/a/b" -->',
                                "shop/.htaccess": FRONT}, "shop/app.cgi"),
                      "/page.shtml",
                      {"SCRIPT_NAME": "/shop", "PATH_INFO": "/a/b",
                       "REDIRECT_URL": "/shop/a/b"}),
    "keep-slash": (Way("AllowEncodedSlashes NoDecode",
                       {".htaccess": FRONT.replace("[L]", "[B=%?#,L]")}),
                   "/a%2Fb/%25", {"SCRIPT_NAME": "", "PATH_INFO": "/a%2Fb/%",
                                  "REDIRECT_URL": "/a%2Fb/%"}),
    "kept": (Way(INDEX, {"shop/.htaccess": wordpress("/shop/", "")},
                 "shop/app.cgi"), "/shop/a/b?x=1",
             {"SCRIPT_NAME": "/shop", "PATH_INFO": "/a/b",
              "cgi2wsgi.script_name": "/shop/app.cgi",
              "cgi2wsgi.path_info": "", "QUERY_STRING": "x=1",
              "REDIRECT_URL": "/shop/a/b"}),
    "folder-itself": (Way(INDEX, {"shop/.htaccess": NOT_FOLDER},
                          "shop/app.cgi"), "/shop/app.cgi/a",
                      {"SCRIPT_NAME": "/shop/app.cgi", "PATH_INFO": "/a"}),
}
# What a server tells of a URL.
TOLD = ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI",
        "SCRIPT_URL", "REDIRECT_URL", "REDIRECT_STATUS", "REDIRECT_URI",
        "CONTEXT_PREFIX", "PATH_TRANSLATED", "DOCUMENT_URI")


def pairs(server):
    """Each of two ways that nobody can tell apart, with both options."""
    ways = {}
    for name, (_, both) in SAME[server].items():
        for number, (configuration, root) in enumerate(both.items()):
            for option in ("off", root):
                ways[f"same-{name}-{number}-{option == 'off':d}"] = Way(
                    configuration, options=f"--script-name {option}")
    return ways


def install(server, name, way):
    """A way's files, and its configuration for this tree."""
    folder = server.folder(f"apps/{name}")
    for file, text in way.files.items():
        server.folder(f"apps/{name}/{file}".rpartition("/")[0])
        server.write(f"apps/{name}/{file}", text)
    server.folder(f"apps/{name}/{way.script}".rpartition("/")[0])
    server.script(f"apps/{name}/{way.script}",
                  (SERVERS / "mounted.py").read_text(),
                  f"--path {server.tree}/apps/pages {way.options}")
    return way.configuration.replace("@", str(folder)).replace(
        "TREE", str(server.tree))


def install_pages(server):
    server.copy_pages("apps/pages")
    server.copy(SERVERS / "bottle_pages.py", "apps/pages/bottle_pages.py")


def install_apache(apache):
    install_pages(apache)
    apache.configure(DEFAULT_HOST)
    ways = {**APACHE, **{name: way for name, (way, _, _) in ODD.items()},
            **pairs("apache")}
    for name, way in ways.items():
        text = VIRTUAL_HOST % (HOST.format(name), install(apache, name, way))
        apache.configure(text.replace("@", f"{apache.tree}/apps/{name}"))


@pytest.fixture(scope="module", params=[
    "prefork", pytest.param("event", marks=pytest.mark.slow)])
def apache(request):
    yield from serving(Apache(request.param), install_apache)


class Hosts(WebServer):
    """lighttpd or nginx, with a host for each way."""

    def install(self):
        install_pages(self)
        self.ways = {**{"lighttpd": LIGHTTPD, "nginx": NGINX}[self.name],
                     **pairs(self.name)}
        self.hosts = {name: install(self, name, way)
                      for name, way in self.ways.items()}

    def write_configuration(self):
        write = {"lighttpd": self.lighttpd, "nginx": self.nginx}[self.name]
        self.write("server.conf", "\n".join(write()))

    def lighttpd(self):
        tree = self.tree
        yield f"""
server.modules = ("mod_alias", "mod_cgi", "mod_rewrite")
server.bind = "127.0.0.1"
server.port = {self.port}
server.document-root = "{tree}/htdocs"
server.errorlog = "{tree}/log/error.log"
server.breakagelog = "{tree}/log/cgi.log"
cgi.assign = (".cgi" => "")"""
        for name, text in self.hosts.items():
            yield f"""$HTTP["host"] =~ "^{HOST.format(name)}" {{
    server.document-root = "{tree}/apps/{name}"
    {text}
}}"""

    def nginx(self):
        tree = self.tree
        temporary = "\n".join(f"{name}_temp_path {tree}/log/{name};" for name
                              in ("client_body", "fastcgi", "proxy", "scgi",
                                  "uwsgi"))
        yield f"""
daemon off;
pid {tree}/log/nginx.pid;
events {{
}}
http {{
    access_log off;
    merge_slashes off;
    {temporary}
    server {{
        listen 127.0.0.1:{self.port} default_server;
        root {tree}/htdocs;
        location /cgi-bin/ {{
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_pass unix:{tree}/log/fcgiwrap.sock;
        }}
    }}"""
        for name, text in self.hosts.items():
            yield f"""server {{
    listen 127.0.0.1:{self.port};
    server_name {HOST.format(name)};
    root {tree}/apps/{name};
    {text}
}}"""
        yield "}"


@pytest.fixture(scope="module")
def lighttpd():
    yield from serving(Hosts("lighttpd"))


@pytest.fixture(scope="module")
def nginx():
    yield from serving(Hosts("nginx"))


def get(server, name, url, **headers):
    """An answer of a way's host."""
    return server.get(url, Host=f"{HOST.format(name)}:{server.port}",
                      **headers)


def arrived(server, name, url, **headers):
    """The environ of a request to a way's host."""
    answer = get(server, name, url, **headers)
    assert answer.status == 200, (url, answer.text, server.log())
    return json.loads(answer.text)


def squeezed(path):
    return re.sub("//+", "/", path)


def check_paths(server, name, way, forged):
    """All that is asked for arrives below the root, spelled as it was."""
    for asked in way.asked:
        for headers in ({}, FORGED) if asked in forged else ({},):
            environ = arrived(server, name, way.base + asked, **headers)
            path, _, query = asked.partition("?")
            info = environ["PATH_INFO"].encode("latin-1").decode()
            found = environ["SCRIPT_NAME"], squeezed(info)
            assert found == (way.base, squeezed(unquote(path))), asked
            assert environ["QUERY_STRING"] == query
            for name_of_all in ("SCRIPT_URL", "REDIRECT_URL"):
                assert environ.get(name_of_all) in (
                    None, way.base + environ["PATH_INFO"])


def follow(server, name, base, link):
    """The text that a link leads to."""
    url = urlsplit(urljoin(f"http://{HOST.format(name)}:{server.port}{base}/",
                           html.unescape(link)))
    assert url.netloc == f"{HOST.format(name)}:{server.port}", link
    target = url._replace(scheme="", netloc="").geturl()
    answer = get(server, name, quote(target, safe="/%?=&+~"))
    assert answer.status == 200, (link, answer.text)
    return answer.text


def check_links(server, name, way, framework):
    """The links that a framework builds lead where they should."""
    answer = get(server, name, f"{way.base}/{framework}")
    links = re.findall('href="(.*?)"', answer.text)
    assert len(links) >= 3, (answer.status, answer.text, server.log())
    assert all("app.cgi" not in link for link in links)
    found = [follow(server, name, way.base, link) for link in links]
    assert found == ["home", "a {}", "a b/é {'q': '1 & 2'}"] * (
        len(links) // 3)


def check_same(server, kind, name):
    """One environ, two right answers, and --script-name gives each."""
    url, both = SAME[kind][name]
    told = []
    for number, root in enumerate(both.values()):
        environ = arrived(server, f"same-{name}-{number}-1", url + "?q")
        told.append({key: environ.get(key) for key in TOLD})
        environ = arrived(server, f"same-{name}-{number}-0", url + "?q")
        script = root.rstrip("/")
        assert environ["SCRIPT_NAME"] == script
        assert environ["PATH_INFO"] == url.removeprefix(script)
    assert told[0] == told[1]


def linked(ways):
    return [name for name, way in ways.items() if way.linked]


@pytest.mark.parametrize("forged", [
    slice(1), pytest.param(slice(None), marks=pytest.mark.slow)],
    ids=["first forged", "all forged"])
@pytest.mark.parametrize("name", APACHE)
def test_apache(apache, name, forged):
    """B16, case 1, case 2: whatever leads there, and whatever a client says."""
    check_paths(apache, name, APACHE[name], APACHE[name].asked[forged])


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[] if name == "two-steps"
                 else pytest.mark.slow) for name in linked(APACHE)])
def test_links_of_apache(apache, name, framework):
    """B16, case 2: Flask's url_for(), Django's reverse(), Bottle's get_url()."""
    check_links(apache, name, APACHE[name], framework)


@pytest.mark.parametrize("name", [
    name for name, (*_, expected) in ODD.items() if expected])
def test_odd_of_apache(apache, name):
    """B16, case 3, case 7: what is to stay as the server gave it."""
    _, url, expected = ODD[name]
    environ = arrived(apache, name, url)
    assert {key: environ.get(key) for key in expected} == expected


@pytest.mark.parametrize("framework", ["flask", "bottle"])
def test_links_of_an_error_page(apache, framework):
    """B16, case 3: as the manual says, Django has another root there."""
    name = f"error-{framework}"
    links = re.findall('href="(.*?)"', get(apache, name, ODD[name][1]).text)
    assert len(links) >= 3
    found = [follow(apache, name, "/app.cgi", link) for link in links]
    assert found == ["home", "a {}", "a b/é {'q': '1 & 2'}"] * (
        len(links) // 3)


def test_root_of_flask(apache):
    """B16, case 1: a page at the root is there, not redirected for ever."""
    answer = get(apache, "alias-root-only", "/")
    assert (answer.status, answer.text) == (200, "home")


@pytest.mark.interop
@pytest.mark.parametrize("name", LIGHTTPD)
def test_lighttpd(lighttpd, name):
    """B16, case 1: alias.url, url.rewrite and error-handler-404."""
    check_paths(lighttpd, name, LIGHTTPD[name], LIGHTTPD[name].asked)


@pytest.mark.interop
@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("name", linked(LIGHTTPD))
def test_links_of_lighttpd(lighttpd, name, framework):
    """B16: links of each framework."""
    check_links(lighttpd, name, LIGHTTPD[name], framework)


@pytest.mark.interop
@pytest.mark.parametrize("name", NGINX)
def test_nginx(nginx, name):
    """B16, case 1: the stock parameters, try_files, rewrite."""
    check_paths(nginx, name, NGINX[name], NGINX[name].asked)


@pytest.mark.interop
@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("name", linked(NGINX))
def test_links_of_nginx(nginx, name, framework):
    """B16: links of each framework."""
    check_links(nginx, name, NGINX[name], framework)


@pytest.mark.parametrize("name", SAME["apache"])
def test_same_of_apache(apache, name):
    """B16: what no variable tells, --script-name does."""
    check_same(apache, "apache", name)


@pytest.mark.interop
@pytest.mark.parametrize("name", SAME["lighttpd"])
def test_same_of_lighttpd(lighttpd, name):
    """B16: the same."""
    check_same(lighttpd, "lighttpd", name)


@pytest.mark.interop
@pytest.mark.parametrize("name", SAME["nginx"])
def test_same_of_nginx(nginx, name):
    """B16: the same."""
    check_same(nginx, "nginx", name)
