"""The Celery application. It only delivers the ids of jobs; their state is in the rows of `operations.Job`."""

import os
import warnings

from celery import Celery
from celery.platforms import SecurityWarning
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")  # they load every page into each worker; `migrate` has made them
TRANSPORT_ALIASES["qsave-files"] = "operations.broker:Transport"
# Celery warns root about pickled messages, which can run code. Ours are JSON, and nothing else is accepted.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("qsave")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
