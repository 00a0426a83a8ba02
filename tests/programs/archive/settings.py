"""Settings of a Django project that serves its own static files.

DATA is a folder to write, SITE the URL path that the project has.
"""

import os
from pathlib import Path

import django

DATA = Path(os.environ["DATA"])
SITE = os.environ["SITE"]
SECRET_KEY = "only for this test"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "archive",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "archive.urls"
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
    "NAME": DATA / "archive.sqlite3",
}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

MEDIA_ROOT = DATA / "media"
# WhiteNoise is told both paths, as its manual says for a site that is not at
# the server's root.
STATIC_URL = SITE + "/static/"
WHITENOISE_STATIC_PREFIX = "/static/"
STATIC_ROOT = DATA / "static"
STORAGE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
if django.VERSION < (4, 2):
    STATICFILES_STORAGE = STORAGE
else:
    STORAGES = {"default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": STORAGE}}
