"""Links that Django builds, and where they lead."""

import hashlib
from urllib.parse import urlencode

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path, reverse
from django.utils.html import format_html_join

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__,
                   SECRET_KEY="only for this table")


def home(request):
    return HttpResponse("home")     # interop.py answers in its place


def links(request):
    """Paths first, then the same as whole URLs."""
    paths = [reverse("home"), reverse("page", args=("a",)),
             reverse("page", args=("a b/é",)) + "?"
             + urlencode({"q": "1 & 2"})]
    wholes = map(request.build_absolute_uri, paths)
    return HttpResponse(format_html_join(
        "\n", '<a href="{}">link</a>', ((link,) for link in
                                        (*paths, *wholes))))


def page(request, name):
    return HttpResponse(f"{name} {request.GET.dict()}")


def upload(request):
    """The size and checksum of a body."""
    checksum = hashlib.sha256(request.body).hexdigest()
    return HttpResponse(f"{len(request.body)} {checksum}")


urlpatterns = [
    path("", home, name="home"),
    path("django_upload", upload),
    path("django", links),
    path("django/<path:name>", page, name="page"),
]
application = get_wsgi_application()
