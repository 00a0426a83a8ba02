#!/usr/local/bin/cgi2wsgi
# Lesson 6: a framework is an application, too: a Django project in one file.
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.template import Context, Template
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],        # the web server knows its names
    ROOT_URLCONF=__name__,      # urlpatterns are in this file
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
)

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Django</title>
<h1>Hello, {{ name }}!</h1>
<p><a href="{% url 'hello' name='Ada' %}">Greet Ada</a>
"""


def hello(request, name="world"):
    return HttpResponse(Template(PAGE).render(Context({"name": name})))


urlpatterns = [path("", hello), path("<name>", hello, name="hello")]
application = get_wsgi_application()
