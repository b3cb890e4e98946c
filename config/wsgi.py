"""The WSGI application that gunicorn runs."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.db.backends.signals import connection_created
from django.urls import get_resolver

from config import env
from operations.database import limit_lock_waits

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
if env.read_flag("QSAVE_PREPARE", default=True):  # a pooler would pass the connection, with its limit, to workers
    connection_created.connect(limit_lock_waits)
_pages = get_resolver().url_patterns  # load every page now, before gunicorn forks its workers: they share the memory
gc.collect()
gc.freeze()  # the collector would write to each object of the parent, and so copy its memory into every worker
