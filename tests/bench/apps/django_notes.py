#!/usr/local/bin/cgi2wsgi
# A page of Django's with twenty rows of SQLite and a session, which is written.
import os
import sqlite3

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import models
from django.http import HttpResponse
from django.urls import path

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "notes.db")
settings.configure(
    SECRET_KEY="only measured, never deployed",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.sessions"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3",
                           "NAME": FILE}},
)
application = get_wsgi_application()
if not os.path.exists(FILE):
    made = sqlite3.connect(FILE)
    made.executescript("""
        create table note (id integer primary key, text text);
        create table django_session (session_key varchar(40) primary key,
            session_data text, expire_date datetime);""")
    made.executemany("insert into note (text) values (?)",
                     [(f"note {number}",) for number in range(20)])
    made.commit()
    made.close()


class Note(models.Model):
    text = models.TextField()

    class Meta:
        app_label = "notes"
        db_table = "note"


def show(request):
    request.session["seen"] = request.session.get("seen", 0) + 1
    notes = [note.text for note in Note.objects.order_by("id")[:20]]
    return HttpResponse("\n".join(notes) + "\nHello, world!\n",
                        content_type="text/plain")


urlpatterns = [path("", show)]
