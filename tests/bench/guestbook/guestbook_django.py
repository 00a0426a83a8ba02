#!/usr/local/bin/cgi2wsgi
# The guestbook by Django, with its models and templates.
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import models
from django.http import HttpResponse, HttpResponseRedirect
from django.template import Context, Engine
from django.urls import path
from django.utils import timezone

settings.configure(
    SECRET_KEY="only measured, never deployed",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    TIME_ZONE="UTC",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3",
                           "NAME": os.environ["GUESTBOOK"],
                           "OPTIONS": {"timeout": 10}}},
)
application = get_wsgi_application()
PAGE = Engine().from_string("""\
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
{% for entry in entries %}\
<p><b>{{ entry.name }}</b>, {{ entry.created|date:"Y-m-d H:i:s" }}: \
{{ entry.message }}</p>
{% endfor %}""")


def now():
    return timezone.now().replace(microsecond=0)


class Entry(models.Model):
    name = models.TextField()
    message = models.TextField()
    created = models.DateTimeField(default=now)

    class Meta:
        app_label = "guestbook"
        db_table = "entry"


def answer(request):
    if request.method == "POST":
        Entry.objects.create(name=request.POST["name"],
                             message=request.POST["message"])
        return HttpResponseRedirect(f"{request.META['SCRIPT_NAME']}/",
                                    status=303)
    newest = Entry.objects.order_by("-id")[:20]
    return HttpResponse(PAGE.render(Context({"entries": newest})))


urlpatterns = [path("", answer)]
