"""Somebody with a browser: cookies, links, forms, redirections."""

import html
import re
from urllib.parse import urljoin

import requests

from apache import TIMEOUT

TAG = re.compile("<[^>]*>")

class Visitor:
    """Looks at one page after another of a server."""

    def __init__(self, apache):
        self.apache = apache
        self.session = requests.Session()

    def visit(self, url):
        url = urljoin(self.apache.url("/"), url)
        self.page = self.session.get(url, timeout=TIMEOUT)
        return self.page

    def follow(self, text):
        """Follow the link of that text."""
        links = re.findall(r'<a href="([^"]*)"[^>]*>(.*?)</a>',
                           self.page.text, re.DOTALL)
        link, = {html.unescape(link) for link, inside in links
                 if " ".join(TAG.sub("", inside).split()) == text}
        return self.visit(urljoin(self.page.url, link))

    def form(self, names):
        """The page's first form with inputs of these names."""
        for tag, inside in re.findall(r"<form([^>]*)>(.*?)</form>",
                                      self.page.text, re.DOTALL):
            if all(f'name="{name}"' in inside for name in names):
                return tag, inside
        raise AssertionError(f"no form for {names}: {self.page.text}")

    def submit(self, fields, files={}):
        """Fill in a form of the page and send it."""
        tag, inside = self.form([*fields, *files])
        action = re.search(r'action="([^"]*)"', tag)
        hidden = re.findall(
            r'<input type="hidden" name="([^"]*)" value="([^"]*)"', inside)
        self.page = self.session.post(
            urljoin(self.page.url, html.unescape(action[1] if action else "")),
            {**dict(hidden), **fields}, files=files, timeout=TIMEOUT)
        return self.page
