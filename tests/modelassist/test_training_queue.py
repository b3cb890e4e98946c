"""A training run delays no other job, and can be cancelled and resumed: with real workers on the real broker."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import Role, User
from annotation.models import Clip
from datasets.models import Release
from modelassist.bridge import run_folder
from modelassist.models import Run
from modelassist.services import runs, trainer
from operations import jobs
from operations.models import Job, JobState
from tests.annotation.factories import make_campaign, make_video
from tests.support import processes
from tests.support.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

QUICK = {"QSAVE_JOB_HEARTBEAT_SECONDS": "1", "QSAVE_JOB_STALE_SECONDS": "5", "QSAVE_JOB_SWEEP_SECONDS": "1"}
WORKER = ("-m", "tests.support.training_worker")


def has_state(job: Job | None, state: JobState) -> Callable[[], bool]:
    assert job is not None
    return lambda: Job.objects.filter(pk=job.pk, state=state).exists()


def start_run(engineer: User, model: Path) -> Run:
    campaign = make_campaign()
    release = Release.objects.create(
        number=Release.objects.count() + 1,
        name="spring",
        campaign=campaign,
        state=Release.State.FROZEN,
        content_hash="0" * 64,
        folder="spring-0001",
        created_by=engineer,
        frozen_at=timezone.now(),
    )
    return runs.start_run(actor=engineer, release=release, base_model=str(model))


def write_manifest(folder: Path) -> Path:
    (folder / "one.mp4").write_bytes(make_video(3))
    manifest = folder / "manifest.csv"
    manifest.write_text("video,prompt,generator\none.mp4,a square moves,toy\n")
    return manifest


def test_an_import_finishes_while_a_training_runs_and_cancel_ends_the_training(
    tiny_model: Path, tmp_path: Path
) -> None:
    engineer = User.objects.create_user("enno", None, role=Role.ENGINEER)
    run = start_run(engineer, tiny_model)
    where = {"QSAVE_RUNS": str(settings.RUN_ROOT), "QSAVE_MEDIA": str(settings.MEDIA_ROOT)}
    with (
        processes.python(*WORKER, "training", log=tmp_path / "training", **QUICK, **where),
        processes.python(*WORKER, "long", log=tmp_path / "long", **QUICK, **where),
    ):
        wait_until(lambda: bool(trainer.read_last_lines(run_folder(run))), what="the trainer's first words")
        arguments = {"manifest": str(write_manifest(tmp_path)), "campaign": run.release.campaign.pk}
        imported = jobs.enqueue(kind="import_clips", arguments=arguments, actor=engineer)
        wait_until(has_state(imported, JobState.DONE), what="the import")
        assert Clip.objects.filter(prompt="a square moves").exists()
        assert has_state(run.job, JobState.RUNNING)()
        assert trainer.is_running(run_folder(run))
        assert runs.cancel_run(actor=engineer, run=run)
        wait_until(lambda: not trainer.is_running(run_folder(run)), what="the trainer's end")
    run.refresh_from_db()
    assert has_state(run.job, JobState.CANCELLED)()


def test_a_cancelled_trainer_that_outlived_its_worker_is_stopped(
    engineer: User, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.support.training_worker import SLEEP

    monkeypatch.setattr(runs, "build_command", lambda run, resume: SLEEP)
    run = start_run(engineer, tiny_model)
    runs.start_trainer(run)  # as a worker did that was killed since
    assert runs.stop_cancelled() == 0
    runs.cancel_run(actor=engineer, run=run)
    assert runs.stop_cancelled() == 1
    assert not trainer.is_running(run_folder(run))
    assert runs.stop_cancelled() == 0


def test_a_trainer_of_another_host_is_left_alone(
    engineer: User, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "is_running", lambda folder: True)
    monkeypatch.setattr(trainer, "stop", lambda folder: pytest.fail("its process id means somebody else here"))
    run = start_run(engineer, tiny_model)
    run_folder(run).mkdir(parents=True)
    (run_folder(run) / trainer.RECORD).write_text('{"pid": 1, "host": "elsewhere"}')
    runs.cancel_run(actor=engineer, run=run)
    assert runs.stop_cancelled() == 0


def test_a_run_that_is_resumed_while_another_is_stopped_goes_on(
    engineer: User, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [start_run(engineer, tiny_model), start_run(engineer, tiny_model)]
    for run in both:
        runs.cancel_run(actor=engineer, run=run)
    stopped: list[Path] = []

    def stop(folder: Path) -> None:
        stopped.append(folder)
        (other,) = [run for run in both if run_folder(run) != folder]
        monkeypatch.setattr(trainer, "is_running", lambda folder: False)
        runs.resume_run(actor=engineer, run=other)
        monkeypatch.setattr(trainer, "is_running", lambda folder: True)

    monkeypatch.setattr(trainer, "is_running", lambda folder: True)
    monkeypatch.setattr(trainer, "is_here", lambda folder: True)
    monkeypatch.setattr(trainer, "stop", stop)
    assert runs.stop_cancelled() == len(stopped) == 1


def test_a_cancelled_run_is_queued_again_and_one_under_way_is_not(engineer: User, tiny_model: Path) -> None:
    run = start_run(engineer, tiny_model)
    with pytest.raises(runs.CannotTrain, match="was neither cancelled nor"):
        runs.resume_run(actor=engineer, run=run)
    assert runs.cancel_run(actor=engineer, run=run)
    assert not runs.cancel_run(actor=engineer, run=run)
    again = runs.resume_run(actor=engineer, run=run)
    assert again.job is not None
    assert (again.job.state, again.job.queue) == (JobState.QUEUED, "training")
    assert again.job.arguments == {"run": run.pk, "name": "critic"}


def test_a_run_with_settings_of_an_earlier_version_is_not_resumed(engineer: User, tiny_model: Path) -> None:
    run = start_run(engineer, tiny_model)
    runs.cancel_run(actor=engineer, run=run)
    run.settings_json = {"grpo": {"group": 4, "steps": 3}}
    run.save()
    with pytest.raises(runs.CannotTrain, match="whose settings had other names"):
        runs.resume_run(actor=engineer, run=run)


def test_a_training_queued_by_an_older_version_goes_to_the_training_queue(
    engineer: User, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start_run(engineer, tiny_model).job
    assert job is not None
    job.queue = "long"
    queues: list[str] = []
    monkeypatch.setattr("operations.jobs.current_app.send_task", lambda name, args, queue, retry: queues.append(queue))
    jobs.nudge(job)
    assert queues == ["training"]
