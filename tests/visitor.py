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

    def forms(self):
        """The page's forms: what stands in the tag, and inside."""
        return re.findall(r"<form([^>]*)>(.*?)</form>", self.page.text,
                          re.DOTALL)

    def send(self, tag, inside, fields={}, files={}):
        action = re.search(r'action="([^"]*)"', tag)
        hidden = re.findall(
            r'<input type="hidden" name="([^"]*)" value="([^"]*)"', inside)
        self.page = self.session.post(
            urljoin(self.page.url, html.unescape(action[1] if action else "")),
            {**dict(hidden), **fields}, files=files, timeout=TIMEOUT)
        return self.page

    def submit(self, fields, files={}):
        """Fill in the page's first form with such inputs and send it."""
        for tag, inside in self.forms():
            if all(f'name="{name}"' in inside for name in (*fields, *files)):
                return self.send(tag, inside, fields, files)
        raise AssertionError(f"no form for {fields}: {self.page.text}")

    def press(self, text):
        """Press the button of that text, or follow the link."""
        for tag, inside in self.forms():
            if re.search(rf"<button[^>]*>\s*{text}\s*</button>", inside):
                return self.send(tag, inside)
        return self.follow(text)
