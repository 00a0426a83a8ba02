#!/usr/local/bin/cgi2wsgi
# The guestbook by Bottle, with the templates it brings.
import os
import sqlite3
from contextlib import closing

from bottle import Bottle, SimpleTemplate, redirect, request

PAGE = SimpleTemplate("""\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Guestbook</title>
<h1>Guestbook</h1>
<form method="post">
<input name="name" aria-label="Name">
<input name="message" aria-label="Message">
<button>Sign</button>
</form>
% for name, created, message in entries:
<p><b>{{name}}</b>, {{created}}: {{message}}</p>
% end
""")
application = Bottle()


def open_book():
    book = sqlite3.connect(os.environ["GUESTBOOK"], timeout=10)
    book.execute("pragma synchronous = normal")
    return closing(book)


@application.get("/")
def show():
    with open_book() as book:
        return PAGE.render(entries=book.execute(
            "select name, created, message from entry"
            " order by id desc limit 20"))


@application.post("/")
def sign():
    with open_book() as book, book:
        book.execute("insert into entry (name, message, created)"
                     " values (?, ?, datetime())",
                     (request.forms.getunicode("name"),
                      request.forms.getunicode("message")))
    redirect(request.environ["SCRIPT_NAME"] + "/", 303)
