"""For test_mount.py: the ways in which servers bring a URL to a script.

In the configurations @ is the folder of the way, TREE that of the server.
"""

from dataclasses import dataclass, field

# What is asked for below an application's root.
ASKED = ("/echo/a/b?x=1&y=%20", "/echo//a//b?q", "/echo/a%20b/%C3%A9?q",
         "/echo/a%2Fb?q", "/echo/?q", "/?q=1")


@dataclass
class Way:
    """Files and a configuration that lead from base to the script."""

    configuration: str = ""
    files: dict = field(default_factory=dict)
    script: str = "app.cgi"
    options: str = ""
    base: str = ""
    asked: tuple = ASKED
    # Links lead nowhere there.
    linked: bool = True


# mod_rewrite's rules as people write them.
REWRITE = "RewriteEngine on\n"
NO_FILE = "RewriteCond %{REQUEST_FILENAME} !-f\n"
NO_FOLDER = "RewriteCond %{REQUEST_FILENAME} !-d\n"
FRONT = REWRITE + NO_FILE + "RewriteRule ^(.*)$ app.cgi/$1 [L]\n"
PUBLIC = REWRITE + "RewriteRule ^(.*)$ public/$1 [L]\n"
NOT_FOLDER = (REWRITE + NO_FILE + NO_FOLDER
              + "RewriteRule ^(.*)$ app.cgi/$1 [L]\n")


def wordpress(base, tail):
    """The lines that WordPress writes into .htaccess, for app.cgi."""
    pattern = "^(.*)$" if tail else "."
    return (REWRITE + f"RewriteBase {base}\nRewriteRule ^app\\.cgi$ - [L]\n"
            + NO_FILE + NO_FOLDER
            + f"RewriteRule {pattern} {base}app.cgi{tail} [L]\n")


ACTION = """
ScriptAlias "/run-wsgi" "TREE/bin/cgi2wsgi"
AddHandler wsgi-script .wsgi
Action wsgi-script /run-wsgi
"""
INDEX = "DirectoryIndex app.cgi\n"
APACHE = {
    "alias": Way('ScriptAlias "/shop" "@/app.cgi"', base="/shop"),
    "alias-slash": Way('ScriptAlias "/shop/" "@/app.cgi/"', base="/shop"),
    "alias-root": Way('ScriptAlias "/" "@/app.cgi/"'),
    "alias-root-only": Way('ScriptAlias "/" "@/app.cgi"', asked=("/?q",),
                           linked=False),
    "alias-match": Way('ScriptAliasMatch "^(.*)" "@/app.cgi$1"'),
    "front": Way(files={".htaccess": FRONT}),
    "front-folder": Way(files={"shop/.htaccess": FRONT}, base="/shop",
                        script="shop/app.cgi"),
    "front-alias": Way('Alias "/shop" "@/other"', base="/shop",
                       files={"other/.htaccess": FRONT},
                       script="other/app.cgi"),
    "front-userdir": Way('UserDir "@/*/html"', base="/~anna",
                         files={"anna/html/.htaccess": FRONT},
                         script="anna/html/app.cgi"),
    "two-steps": Way(files={".htaccess": PUBLIC, "public/.htaccess": FRONT},
                     script="public/app.cgi"),
    "two-steps-folder": Way(
        files={"shop/.htaccess": PUBLIC, "shop/public/.htaccess": FRONT},
        base="/shop", script="shop/public/app.cgi"),
    "two-steps-not-folder": Way(
        INDEX, {".htaccess": PUBLIC, "public/.htaccess": NOT_FOLDER},
        "public/app.cgi"),
    "two-steps-wordpress": Way(
        INDEX, {".htaccess": PUBLIC,
                "public/.htaccess": wordpress("/public/", "")},
        "public/app.cgi"),
    "three-steps": Way(
        files={"shop/.htaccess": REWRITE + "RewriteRule ^(.*)$ in/$1 [L]\n",
               "shop/in/.htaccess": PUBLIC,
               "shop/in/public/.htaccess": FRONT},
        base="/shop", script="shop/in/public/app.cgi"),
    "not-folder": Way(INDEX, {".htaccess": NOT_FOLDER}),
    "not-folder-folder": Way(INDEX, {"shop/.htaccess": NOT_FOLDER},
                             "shop/app.cgi", base="/shop"),
    "wordpress": Way(INDEX, {".htaccess": wordpress("/", "")}),
    "wordpress-path": Way(INDEX, {".htaccess": wordpress("/", "/$1")}),
    "wordpress-folder": Way(
        INDEX, {"shop/.htaccess": wordpress("/shop/", "")}, "shop/app.cgi",
        base="/shop"),
    "fallback": Way("FallbackResource /app.cgi"),
    "fallback-folder": Way(
        '<Directory "@/shop">\nFallbackResource /shop/app.cgi\n</Directory>',
        base="/shop", script="shop/app.cgi"),
    "fallback-prefix": Way("FallbackResource /app.cgi",
                           options="--script-name /"),
    "fallback-elsewhere": Way("FallbackResource /other/app.cgi",
                              script="other/app.cgi",
                              options="--script-name /"),
    "action": Way(ACTION, script="app.wsgi", base="/app.wsgi"),
    "action-front": Way(
        ACTION, {".htaccess": FRONT.replace("app.cgi", "app.wsgi")},
        "app.wsgi"),
    "action-index": Way(
        ACTION + "DirectoryIndex app.wsgi\n", script="app.wsgi",
        asked=("/?q",), linked=False),
    "multiviews": Way("MultiviewsMatch Handlers", base="/app"),
    "server-rule": Way(
        REWRITE + "RewriteRule ^/shop(/.*)$ /app.cgi$1 [PT]", base="/shop"),
    "server-rule-bare": Way(
        REWRITE + "RewriteRule ^/shop(/.*)?$ /app.cgi$1 [PT]", base="/shop",
        asked=(*ASKED, "?q"), options="--script-name /shop"),
    "alias-match-whole": Way(
        'ScriptAliasMatch "^/shop(/.*)?$" "@/app.cgi"', base="/shop",
        asked=(*ASKED, "?q"), options="--script-name /shop"),
    "alias-match-all": Way('ScriptAliasMatch "^/.*" "@/app.cgi"',
                           options="--script-name /"),
    "server-rule-root": Way(REWRITE + "RewriteRule ^(.*)$ /app.cgi$1 [PT]"),
    "keep-slashes": Way(
        "AllowEncodedSlashes NoDecode",
        {".htaccess": PUBLIC.replace("[L]", "[B=%?#,L]"),
         "public/.htaccess": FRONT.replace("[L]", "[B=%?#,L]")},
        "public/app.cgi", asked=tuple(
            asked for asked in ASKED if "%2F" not in asked)),
    "double-slashes": Way("MergeSlashes off", {".htaccess": FRONT}),
}
MOUNT = '"^/shop(/[^?]*)?(\\?.*)?$" => "/app.cgi$1$2"'
LIGHTTPD = {
    "alias": Way('alias.url = ("/shop" => "@/app.cgi")', base="/shop"),
    "alias-root": Way('alias.url = ("/" => "@/app.cgi/")'),
    "alias-root-only": Way('alias.url = ("/" => "@/app.cgi")',
                           asked=("/?q",), linked=False),
    "index": Way('index-file.names = ("app.cgi")', asked=("/?q",),
                 linked=False),
    "rewrite": Way('url.rewrite-if-not-file = ("^(/[^?]*)(\\?.*)?$"'
                   ' => "/app.cgi$1$2")'),
    "rewrite-wordpress": Way('url.rewrite-if-not-file = ('
                             '"^/[^?]*(\\?.*)?$" => "/app.cgi$1")'),
    "rewrite-elsewhere": Way(f"url.rewrite-once = ({MOUNT})", base="/shop"),
    "rewrite-bare": Way(f"url.rewrite-once = ({MOUNT})", base="/shop",
                        asked=(*ASKED, "?q"), options="--script-name /shop"),
    "error-handler": Way('server.error-handler-404 = "/app.cgi"',
                         options="--script-name /"),
}
PASS = "fastcgi_pass unix:TREE/log/fcgiwrap.sock;"
STOCK = "include /etc/nginx/fastcgi_params; fastcgi_param HTTP_HOST $http_host;"
FILE = "fastcgi_param SCRIPT_FILENAME @/app.cgi;"
SPLIT = r"""
    location ~ \.cgi {
        fastcgi_split_path_info ^(.+\.cgi)(/.*)$;
        %s
        fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
        fastcgi_param PATH_INFO $fastcgi_path_info;
        %s
    }""" % (STOCK, PASS)


def location(place, *lines):
    return f"location {place} {{ {STOCK} {FILE} {' '.join(lines)} {PASS} }}"


NGINX = {
    "stock-root": Way(location("/")),
    "empty": Way(location("/", 'fastcgi_param SCRIPT_NAME "";',
                          'fastcgi_param PATH_INFO "";')),
    "split-root": Way(location(
        "/", "fastcgi_split_path_info ^(/)(.*)$;",
        "fastcgi_param SCRIPT_NAME $fastcgi_script_name;",
        "fastcgi_param PATH_INFO $fastcgi_path_info;")),
    "document-uri": Way(location(
        "/", "fastcgi_param PATH_INFO $document_uri;")),
    "mount": Way(location(
        "/shop", "fastcgi_param SCRIPT_NAME /shop;",
        "fastcgi_param PATH_INFO $document_uri;"), base="/shop"),
    "mount-stock": Way(location("/shop"), base="/shop",
                       options="--script-name /shop"),
    "try-files": Way("location / { try_files $uri $uri/ /app.cgi; }\n"
                     "index app.cgi;" + SPLIT),
    "try-files-path": Way(
        "location / { try_files $uri /app.cgi$uri?$query_string; }" + SPLIT),
    "rewrite": Way("rewrite ^/shop(/.*)$ /app.cgi$1 last;" + SPLIT,
                   base="/shop"),
    "rewrite-bare": Way("rewrite ^/shop(/.*)?$ /app.cgi$1 last;" + SPLIT,
                        base="/shop", asked=(*ASKED, "?q"),
                        options="--script-name /shop"),
    "error-page": Way("error_page 403 404 = /app.cgi;" + SPLIT),
}

# Two ways that give the script the very same variables for one URL, though it
# is below another root in each: nothing but --script-name can tell. The URL,
# then for each way a configuration and the root.
SAME = {
    "apache": {
        # A mount without its slash, or a page of the whole host.
        "server-rule": ("/shop", {
            REWRITE + "RewriteRule ^/shop(/.*)?$ /app.cgi$1 [PT]": "/shop",
            REWRITE + "RewriteRule ^/.*$ /app.cgi [PT]": "/"}),
        # A page below a mount, or a script of that name.
        "alias-match": ("/shop/a", {
            'ScriptAliasMatch "^/shop(/.*)?$" "@/app.cgi"': "/shop",
            'ScriptAliasMatch "^/shop/a$" "@/app.cgi"': "/shop/a"}),
        # The script is elsewhere, whatever folder falls back on it.
        "fallback": ("/shop/a", {
            "FallbackResource /app.cgi": "/",
            '<Location "/shop">\nFallbackResource /app.cgi\n</Location>':
            "/shop"}),
    },
    "lighttpd": {
        "rewrite": ("/shop", {
            f"url.rewrite-once = ({MOUNT})": "/shop",
            'url.rewrite-once = ("^/[^?]*(\\?.*)?$" => "/app.cgi$1")': "/"}),
        "error-handler": ("/shop/a", {
            'server.error-handler-404 = "/app.cgi"': "/",
            '$HTTP["url"] =~ "^/shop/" { server.error-handler-404 = '
            '"/app.cgi" }': "/shop"}),
    },
    "nginx": {
        "rewrite": ("/shop", {
            "rewrite ^/shop(/.*)?$ /app.cgi$1 last;" + SPLIT: "/shop",
            "rewrite ^/(?!app.cgi) /app.cgi last;" + SPLIT: "/"}),
        "stock": ("/shop/a", {location("/"): "/",
                              location("/shop"): "/shop"}),
    },
}
