"""Adding a critic from a model folder: tried in a process of its own before it is registered."""

import subprocess
import sys
import tempfile
from collections.abc import Callable

from django.conf import settings
from django.db import transaction

from accounts.models import Role, User
from annotation.shared.permissions import require_role
from modelassist.bridge import model_name, stored_model
from modelassist.engine.models.folder import check_model
from modelassist.models import Critic
from modelassist.services.critics import register_critic
from operations import jobs
from operations.jobs import JobError, JobRun
from operations.models import Job

KIND = "add_critic"
_POLL_SECONDS = 0.5


def ask_to_add(*, actor: User, name: str, model: str) -> Job:
    """Queue the try of a model; raises ModelError at once for a folder that cannot be loaded here."""
    require_role(actor, Role.ENGINEER)
    check_model(model)
    return jobs.enqueue(actor=actor, kind=KIND, arguments={"name": name, "model": stored_model(model)})


def add_critic(job: JobRun) -> Critic:
    """Body of the job: let the engine load the model and write a few tokens, then register it, once."""
    name, model, actor = job.arguments["name"], model_name(job.arguments["model"]), job.job.created_by
    if actor is None:
        raise JobError("The person who asked for this critic is gone.")
    try_model(model, lambda: job.progress(0.0, f"trying {model}"))
    with transaction.atomic():
        made = Critic.objects.filter(name=name, model=job.arguments["model"], created_at__gte=job.job.created_at)
        return made.first() or register_critic(actor=actor, name=name, model=model)


def try_model(model: str, on_wait: Callable[[], None]) -> None:
    """Raise JobError with the engine's own line unless the model loads and writes; what `on_wait` raises ends it."""
    command = [sys.executable, "-m", "modelassist.engine", "check", "--model", model]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
        try:
            while _is_running(process):
                on_wait()
        finally:
            process.kill()
            process.wait()
        said.seek(0)
        lines = said.read().decode("utf-8", errors="replace").strip().splitlines()
    if process.returncode:
        words = lines[-1].removeprefix("error: ") if lines else f"The try ended with code {process.returncode}."
        raise JobError(words)


def _is_running(process: "subprocess.Popen[bytes]") -> bool:
    try:
        process.wait(_POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False
