"""Tells what the interpreter and this module know, as JSON."""

import json
import os
import sys

PATH = list(sys.path)       # before anybody changes it


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({
        "file": __file__,
        "name": __name__,
        "cached": __spec__ and __spec__.cached,
        "origin": __spec__ and __spec__.origin,
        "loader": type(__spec__.loader).__name__,
        "argv": sys.argv,
        "orig_argv": getattr(sys, "orig_argv", []),
        "path": PATH,
        "cwd": os.getcwd(),
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "exec_prefix": sys.exec_prefix,
        "executable": sys.executable,
        "version": list(sys.version_info[:3]),
        "flags": {name: getattr(sys.flags, name) for name in (
            "utf8_mode", "isolated", "no_user_site", "no_site",
            "dont_write_bytecode", "optimize", "ignore_environment")},
        "filesystem": [sys.getfilesystemencoding(),
                       sys.getfilesystemencodeerrors()],
        "stdout": [sys.stdout.encoding, sys.stdout.errors],
        "home": os.path.expanduser("~"),
        "query": environ["QUERY_STRING"],
        "variables": {name: value for name, value in environ.items()
                      if name.startswith("OPTION")},
    }).encode()]
