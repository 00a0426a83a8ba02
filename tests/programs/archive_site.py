"""Installs the Django project in archive/ on a host."""

from hosts import HERE

PASSWORD = "a word for this test"
SCRIPT = """
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""


def install_archive(host):
    data = host.data("archive")
    host.folder("programs")
    host.copy(HERE / "archive", "programs/archive")
    env = {"DATA": str(data), "SITE": host.prefix("archive"),
           "DJANGO_SETTINGS_MODULE": "archive.settings",
           "PYTHONPATH": str(host.tree / "programs")}
    host.deploy("archive", SCRIPT, " ".join(
        f"--env {name}={value}" for name, value in env.items()))
    manage = ("-m", "django")
    host.python(*manage, "migrate", "--run-syncdb", "-v0", **env)
    host.python(*manage, "collectstatic", "-v0", **env)
    host.python(*manage, "createsuperuser", "--noinput", "--username=anna",
                "--email=anna@example.org", "-v0",
                DJANGO_SUPERUSER_PASSWORD=PASSWORD, **env)
