"""The web process and the main process of a worker load no model library: their memory stays small."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "transformers", "peft", "sklearn", "scipy.stats")
WEB = "import config.wsgi; from django.urls import get_resolver; get_resolver().url_patterns"
WORKER = (
    "import config.celery; config.celery.app.loader.import_default_modules();"
    "import modelassist.jobs, operations.tasks, modelassist.worker;"
    "from modelassist.services.proposers import make_proposer; from modelassist.models import Critic;"
    "make_proposer(Critic(kind='engine', model='/nowhere'), campaign=None)"
)


@pytest.mark.parametrize("program", [WEB, WORKER], ids=["web", "worker"])
def test_no_model_library_is_loaded(program: str, tmp_path: Path) -> None:
    script = f"import sys, django; django.setup(); {program}; print([name for name in {HEAVY} if name in sys.modules])"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "QSAVE_VAR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
