"""Start, resume and watch training runs. A run takes a release and a model, and makes a critic with its evaluation."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings as site
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.shared.permissions import require_role
from datasets.models import Release
from datasets.services.policy import ReleaseRefused
from datasets.services.releases import locate_release
from modelassist.bridge import release_folder, resolve_model, run_folder, shorten_model_path
from modelassist.engine.evaluation.readable import ADVICE, count_readable
from modelassist.engine.models.folder import check_trainable
from modelassist.engine.settings.config import ConfigError, list_old_names
from modelassist.engine.training.presets import choose_settings
from modelassist.models import Critic, Run
from modelassist.services import trainer
from modelassist.services.critics import Lineage, Papers, register_critic
from operations import jobs
from operations.jobs import JobCancelledError, JobInterruptedError, JobRun
from operations.models import JobState
from qsave.run.evaluation import Evaluation
from qsave.run.files import CHECKPOINTS_FOLDER, EVALUATION_FILE, MODEL_FOLDER
from qsave.words import isolate

KIND = "train_critic"
SETTINGS = "settings.json"
RESUMABLE = (JobState.CANCELLED, JobState.FAILED)


class CannotTrain(ValueError):
    """The run cannot start; the message says why and what to do."""


@transaction.atomic
def start_run(
    *,
    actor: User,
    release: Release,
    base_model: str,
    settings: Mapping[str, Any] | None = None,
    recipe: str = "",
    name: str = "critic",
    keeps_unreadable: bool = False,
) -> Run:
    """Queue a training run.

    `settings` override those of the `recipe` or, without one, the preset of the model
    (`modelassist.engine.training.presets`). `name` is the name of the critic. `keeps_unreadable` registers it even if
    its answers cannot be read: for tests of the process.

    Raises CannotTrain for a release that is not frozen, an unknown setting or a learning rate that ruins the model, and
    ModelError for a model that cannot be loaded here.
    """
    require_role(actor, Role.ENGINEER)
    if release.state != Release.State.FROZEN:
        raise CannotTrain(
            _("Release %(release)s is %(state)s; only a frozen release can be trained on.")
            % {"release": isolate(release), "state": release.state}
        )
    try:
        locate_release(release)
    except ReleaseRefused as refusal:
        raise CannotTrain(str(refusal)) from None
    check_trainable(base_model)
    try:
        values = choose_settings(base_model, dict(settings or {}), recipe=recipe)
    except ConfigError as error:
        raise CannotTrain(str(error)) from None
    run = Run.objects.create(
        release=release,
        base_model=shorten_model_path(base_model),
        settings_json=values,
        folder="",
        created_by=actor,
    )
    run.folder = f"run-{run.pk:05d}"
    arguments = {"run": run.pk, "name": name} | ({"keeps_unreadable": True} if keeps_unreadable else {})
    run.job = jobs.enqueue(actor=actor, kind=KIND, arguments=arguments)
    run.save()
    audit.record(actor=actor, action="run.started", target=run, release=release.number, model=run.base_model)
    return run


@transaction.atomic
def cancel_run(*, actor: User, run: Run) -> bool:
    """Cancel a run: its trainer stops, its checkpoints stay. Returns False if it had ended already."""
    require_role(actor, Role.ENGINEER)
    cancelled = run.job is not None and jobs.cancel(job=run.job, actor=actor)
    if cancelled:
        audit.record(actor=actor, action="run.cancelled", target=run)
    return cancelled


@transaction.atomic
def resume_run(*, actor: User, run: Run) -> Run:
    """Queue a cancelled or failed run again, from its last checkpoint; raises CannotTrain for any other run."""
    require_role(actor, Role.ENGINEER)
    run = Run.objects.select_for_update().get(pk=run.pk)
    if run.job is None or run.job.state not in RESUMABLE:
        raise CannotTrain(
            _("Run %(run)s was neither cancelled nor failed, so there is nothing to resume.") % {"run": run.pk}
        )
    if list_old_names(run.settings_json):
        raise CannotTrain(
            _("Run %(run)s was started by an earlier version, whose settings had other names. Start a new run instead.")
            % {"run": run.pk}
        )
    if trainer.is_running(run_folder(run)):
        raise CannotTrain(_("The trainer of run %(run)s is still stopping. Try again in a minute.") % {"run": run.pk})
    run.job = jobs.enqueue(actor=actor, kind=KIND, arguments=run.job.arguments)
    run.save(update_fields=["job"])
    audit.record(actor=actor, action="run.resumed", target=run)
    return run


def stop_cancelled() -> int:
    """Stop trainers on this host whose run was cancelled while no worker watched them; returns how many."""
    cancelled = Run.objects.filter(job__state=JobState.CANCELLED)
    stopped = 0
    for run in cancelled:
        folder = run_folder(run)
        is_orphan = trainer.is_running(folder) and trainer.is_here(folder)
        if is_orphan and cancelled.filter(pk=run.pk).exists():  # it may have been resumed meanwhile
            trainer.stop(folder)
            stopped += 1
    return stopped


def train(job: JobRun) -> Critic:
    """Run the training job: watch the trainer until it ends, then register the critic that it made.

    The job may run again after its worker died: it watches a living trainer, registers the critic of a finished one
    (once), and resumes a dead one from its last checkpoint.
    """
    run = Run.objects.select_related("release", "created_by").get(pk=job.arguments["run"])
    folder = run_folder(run)
    if not is_finished(folder):
        start_trainer(run)
        _watch(folder, job)
    if not is_finished(folder):
        lines = trainer.read_last_lines(folder)
        raise trainer.TrainingFailed(f"The trainer ended without a result. Its last lines:\n{lines}")
    keeps_unreadable = bool(job.arguments.get("keeps_unreadable"))
    return finish(run=run, name=job.arguments["name"], keeps_unreadable=keeps_unreadable)


def finish(*, run: Run, name: str, keeps_unreadable: bool = False) -> Critic:
    """Store the evaluation with the run and register its critic, once; raises TrainingFailed for an unreadable one
    unless `keeps_unreadable`."""
    store_evaluation(run)
    if not keeps_unreadable:
        require_readable(run)
    return register_result(run=run, name=name)


def _watch(folder: Path, job: JobRun) -> None:
    """Watch until the trainer ends.

    The trainer is stopped if the job is cancelled or the site stops; it can resume from its last checkpoint. If another
    worker took over the job, the trainer continues.
    """
    try:
        trainer.watch(folder, job.report_progress)
    except JobInterruptedError:
        trainer.stop(folder)
        raise
    except JobCancelledError:
        job.job.refresh_from_db(fields=["state"])
        if job.job.state == JobState.CANCELLED:
            trainer.stop(folder)
        raise


def start_trainer(run: Run) -> None:
    """Write the settings and start the engine with them, from the last checkpoint if there is one."""
    folder = run_folder(run)
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / SETTINGS
    config.write_text(json.dumps(run.settings_json, indent=2) + "\n", encoding="utf-8")
    trainer.start(folder, build_command(run, resume=(folder / CHECKPOINTS_FOLDER).is_dir()), cwd=site.BASE_DIR)


def build_command(run: Run, *, resume: bool) -> list[str]:
    """Build the engine's command line for this run.

    If training starts from a critic, the new critic is compared with it.
    """
    folder = run_folder(run)
    command = [sys.executable, "-m", "modelassist.engine", "train"]
    command += ["--release", str(release_folder(run.release)), "--model", resolve_model(run.base_model)]
    command += ["--out", str(folder), "--config", str(folder / SETTINGS)]
    command += ["--keep-unreadable"]  # `finish` decides whether to register such a critic
    if Critic.objects.filter(model=run.base_model).exists():
        command += ["--previous", resolve_model(run.base_model)]
    return [*command, "--resume"] if resume else command


def is_finished(folder: Path) -> bool:
    """Whether the trainer has finished: the evaluation is the last file that it writes."""
    return (folder / EVALUATION_FILE).is_file() and (folder / MODEL_FOLDER / "config.json").is_file()


def store_evaluation(run: Run) -> None:
    """Store the evaluation with the run."""
    run.evaluation = json.loads((run_folder(run) / EVALUATION_FILE).read_text(encoding="utf-8"))
    run.save(update_fields=["evaluation"])


def require_readable(run: Run) -> None:
    """Raise TrainingFailed, with the share, for a critic whose answers cannot be read."""
    readable = count_readable(Evaluation.from_json(run.evaluation))
    if readable is not None and not readable.is_enough:
        raise trainer.TrainingFailed(
            f"{readable.describe()} It is not registered; its model stays in {run_folder(run) / MODEL_FOLDER}. {ADVICE}"
        )


@transaction.atomic
def register_result(*, run: Run, name: str) -> Critic:
    """Register the critic of a finished run, once."""
    run = Run.objects.select_for_update().get(pk=run.pk)
    critic = run.critics.first()
    if critic is not None:
        return critic
    folder = run_folder(run)
    return register_critic(
        actor=run.created_by,
        name=name,
        model=str(folder / MODEL_FOLDER),
        lineage=Lineage(run=run, parent=Critic.objects.filter(model=run.base_model).first()),
        papers=Papers(
            evaluation=run.evaluation,
            card=f"Made by run {run.pk} on release {run.release} from `{run.base_model}`.",
        ),
    )
