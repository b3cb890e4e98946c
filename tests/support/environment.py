"""Set a test process's environment: its own folder, one thread per library. Loaded before Django's settings.

QSAVE_TEST_DATABASE_URL and QSAVE_TEST_REDIS_URL make the process use PostgreSQL and Redis.
"""

import atexit
import os
import re
import shutil
import sys
import tempfile

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")

FOREIGN = (
    "SCRIPT_NAME",
    "GUNICORN_CMD_ARGS",
    "RANK",
    "LOCAL_RANK",
    "WORLD_SIZE",
    "FORCE_COLOR",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONWARNINGS",
)
"""Variables of another site, run or terminal that our programs would read."""


def prepare() -> None:
    """Set the environment that config/settings.py reads, with a new folder for all files."""
    for name in [name for name in os.environ if name.startswith("QSAVE_") and "_TEST_" not in name]:
        if name not in {"QSAVE_REAL_CLIPS", "QSAVE_CHROMIUM", "QSAVE_SCREENS"}:
            del os.environ[name]
    folder = tempfile.mkdtemp(prefix="qsave-test-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ.update(dict.fromkeys(THREAD_LIMITS, "1"))
    os.environ.update(QSAVE_ENV="test", QSAVE_VAR=folder, TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")
    os.environ.update(QSAVE_DEFAULT_CRITIC="none")  # tests choose the critic of their campaigns
    os.environ.update(QSAVE_IMPORT_WORKERS="0")  # the processes of an import cannot see a test's transaction
    os.environ.update(no_proxy="*", NO_PROXY="*")  # tests request only this machine
    for name in FOREIGN:
        os.environ.pop(name, None)
    sys.dont_write_bytecode = False  # or each process compiles the site and rewrites all tests again
    for name, given in (("DATABASE_URL", database_url()), ("CELERY_BROKER_URL", redis_url())):
        os.environ.pop(name, None)
        if given:
            os.environ[name] = given


def database_url() -> str:
    return os.environ.get("QSAVE_TEST_DATABASE_URL", "")


def redis_url() -> str:
    """Return the given Redis with a database for each parallel process: they must not take each other's messages."""
    process = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return re.sub(r"(?<=\d)(/\d*)?$", f"/{process}", os.environ.get("QSAVE_TEST_REDIS_URL", ""), count=1)


prepare()
