"""Where a test process keeps its files, and how it shares the cores. Loaded before Django's settings are.

Read from outside: QSAVE_TEST_DATABASE_URL and QSAVE_TEST_REDIS_URL put this process on PostgreSQL and Redis.
"""

import atexit
import os
import shutil
import tempfile

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def prepare() -> None:
    """Set the environment that config/settings.py reads, with a fresh folder for everything written."""
    for name in [name for name in os.environ if name.startswith("QSAVE_") and "_TEST_" not in name]:
        if name not in {"QSAVE_REAL_CLIPS", "QSAVE_CHROMIUM"}:
            del os.environ[name]
    folder = tempfile.mkdtemp(prefix="qsave-test-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ.update(dict.fromkeys(THREAD_LIMITS, "1"))
    os.environ.update(QSAVE_ENV="test", QSAVE_VAR=folder, TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")
    for name, source in (("DATABASE_URL", "QSAVE_TEST_DATABASE_URL"), ("CELERY_BROKER_URL", "QSAVE_TEST_REDIS_URL")):
        os.environ.pop(name, None)
        if os.environ.get(source):
            os.environ[name] = os.environ[source]


prepare()
