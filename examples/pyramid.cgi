#!/usr/local/bin/cgi2wsgi
# Pyramid: routes, a form, an error page.
from html import escape

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.response import Response
from pyramid.view import notfound_view_config, view_config


@view_config(route_name="home")
def home(request):
    return Response(f"""<!doctype html>
        <title>Greetings</title>
        <p><a href="{request.route_url('hello', name='world')}">Greet the
           world</a>
        <form method="post" action="{request.route_url('greet')}">
          <input name="name" placeholder="Your name">
          <button>Greet me</button>
        </form>""")


@view_config(route_name="greet", request_method="POST")
def greet(request):
    return HTTPSeeOther(
        request.route_url("hello", name=request.params["name"]))


@view_config(route_name="hello")
def hello(request):
    return Response(f"""<!doctype html>
        <title>Hello</title>
        <h1>Hello, {escape(request.matchdict["name"])}!</h1>
        <a href="{request.route_url('home')}">Back</a>""")


@notfound_view_config()
def not_found(request):
    return Response("<!doctype html><title>404</title><h1>No such page</h1>",
                    status=404)


with Configurator() as config:
    config.add_route("home", "/")
    config.add_route("greet", "/greet")
    config.add_route("hello", "/hello/{name}")
    config.scan(__name__)
    application = config.make_wsgi_app()
