"""The Celery application. It carries nudges; operations.Job holds what is asked and how far it came."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
TRANSPORT_ALIASES["qsave-files"] = "operations.broker:Transport"

app = Celery("qsave")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
