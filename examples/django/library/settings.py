"""All settings in one place. Nothing secret is written here."""

import os
import secrets
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = BASE_DIR / "data"


def secret_key():
    """SECRET_KEY of the environment, or one made once and kept in data/."""
    if "SECRET_KEY" in os.environ:
        return os.environ["SECRET_KEY"]
    try:
        file = os.open(DATA_DIR / "secret_key",
                       os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(file, "w") as key:
            key.write(secrets.token_urlsafe(64))
    except FileExistsError:
        pass
    return (DATA_DIR / "secret_key").read_text()


SECRET_KEY = secret_key()
DEBUG = False
# Names of this site: SetEnv ALLOWED_HOSTS "www.example.org example.org"
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost 127.0.0.1").split()

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "library",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "library.urls"
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": DATA_DIR / "library.sqlite3",
}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

# Relative: below the URL where the application is. Apache serves these files
# itself, from public/static, where "manage.py collectstatic" puts them.
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "public" / "static"

# Without DEBUG Django would mail errors; here they go to the server's log.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"log": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["log"], "level": "WARNING"},
}
