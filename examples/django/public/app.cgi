#!/usr/local/bin/cgi2wsgi --path ..
# Django: a small library. This is the only script that the web server sees;
# the project is in the folder above, where no URL leads.
#
# Once, as the user that scripts run as (the database and the secret key are
# kept in data/, which nobody else should read):
#   mkdir -m 700 ../data
#   python3 ../manage.py migrate
#   python3 ../manage.py createsuperuser
# As the owner of these files:
#   python3 ../manage.py collectstatic
#   cp ../../htaccess .htaccess
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "library.settings")
application = get_wsgi_application()
