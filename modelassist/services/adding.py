"""Add a critic from a model folder: a separate process loads the model as a test before the critic is registered."""

import subprocess
import sys
import tempfile
from collections.abc import Callable

from django.conf import settings
from django.db import transaction

from accounts.models import Role, User
from annotation.shared.permissions import require_role
from modelassist.bridge import resolve_model, shorten_model_path
from modelassist.engine.models.folder import check_model
from modelassist.models import Critic
from modelassist.services.critics import register_critic
from operations import jobs
from operations.jobs import JobError, JobRun
from operations.models import Job

KIND = "add_critic"
_POLL_SECONDS = 0.5


def request_critic(*, actor: User, name: str, model: str) -> Job:
    """Queue the test of a model; raises ModelError at once for a folder that cannot be loaded here."""
    require_role(actor, Role.ENGINEER)
    check_model(model)
    return jobs.enqueue(actor=actor, kind=KIND, arguments={"name": name, "model": shorten_model_path(model)})


def add_critic(job: JobRun) -> Critic:
    """Run the job: let the engine load the model and write a few tokens, then register it, once."""
    name, model, actor = job.arguments["name"], resolve_model(job.arguments["model"]), job.job.created_by
    if actor is None:
        raise JobError("The user who asked for this critic does not exist any more. Add the critic again.")
    try_model(model, lambda: job.report_progress(0.0, f"trying {model}"))
    with transaction.atomic():
        existing = Critic.objects.filter(name=name, model=job.arguments["model"], created_at__gte=job.job.created_at)
        return existing.first() or register_critic(actor=actor, name=name, model=model)


def try_model(model: str, on_wait: Callable[[], None]) -> None:
    """Raise JobError with the engine's error unless the model loads and writes; an error of `on_wait` ends the test."""
    command = [sys.executable, "-m", "modelassist.engine", "check", "--model", model]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
        try:
            while _is_running(process):
                on_wait()
        finally:
            process.kill()
            process.wait()
        output.seek(0)
        lines = output.read().decode("utf-8", errors="replace").strip().splitlines()
    if process.returncode:
        reason = lines[-1].removeprefix("error: ") if lines else f"The trial ended with code {process.returncode}."
        raise JobError(reason)


def _is_running(process: "subprocess.Popen[bytes]") -> bool:
    try:
        process.wait(_POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False
