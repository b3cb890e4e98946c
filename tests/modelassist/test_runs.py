"""Training runs: bad input is refused at once, the result is registered, and a failure is reported."""

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from annotation.campaigns.campaigns import create_campaign
from datasets.models import Release
from modelassist.bridge import run_folder
from modelassist.engine.models.folder import ModelError
from modelassist.models import Critic, Run
from modelassist.reads.runs import read_curves, read_run_page
from modelassist.services import runs, trainer
from modelassist.services.critics import register_critic
from operations import jobs
from operations.models import Job, JobState
from tests.support.waiting import wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture
def release(engineer: User) -> Release:
    """A frozen row whose folder is not a release, so that training on it fails with a reason."""
    campaign = create_campaign(actor=engineer, name="spring", title="Spring")
    return Release.objects.create(
        number=1,
        name="spring",
        campaign=campaign,
        state=Release.State.FROZEN,
        content_hash="0" * 64,
        folder="spring-0001",
        created_by=engineer,
        frozen_at=timezone.now(),
    )


def start(engineer: User, release: Release, model: Path, **settings: object) -> Run:
    return runs.start_run(actor=engineer, release=release, base_model=str(model), settings=settings)


def done(run: Run) -> Job:
    """Run the job of a training run in this process, and return the job."""
    assert run.job_id is not None
    job = jobs.run(run.job_id)
    assert job is not None
    return job


def test_a_release_that_is_not_frozen_is_refused(engineer: User, release: Release, tiny_model: Path) -> None:
    Release.objects.update(state=Release.State.BUILDING)
    release.refresh_from_db()
    with pytest.raises(runs.CannotTrain, match="only a frozen release"):
        start(engineer, release, tiny_model)
    assert not Run.objects.exists()
    assert not Job.objects.exists()


def test_a_release_of_an_earlier_format_is_refused(engineer: User, release: Release, tiny_model: Path) -> None:
    Release.objects.update(format="qsave-release/1")
    release.refresh_from_db()
    with pytest.raises(runs.CannotTrain, match="Freeze it again"):
        start(engineer, release, tiny_model)
    assert not Run.objects.exists()


def test_what_is_no_model_is_refused_at_once(engineer: User, release: Release, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        start(engineer, release, tmp_path)
    assert not Run.objects.exists()


def test_a_setting_that_does_not_exist_is_refused_by_its_name(
    engineer: User, release: Release, tiny_model: Path
) -> None:
    with pytest.raises(runs.CannotTrain, match=r"sft\.stepz"):
        start(engineer, release, tiny_model, sft={"stepz": 3})


def test_a_trainer_that_fails_fails_the_job_with_its_last_words(
    engineer: User, release: Release, tiny_model: Path
) -> None:
    run = start(engineer, release, tiny_model)
    job = done(run)
    assert job.state == JobState.FAILED
    assert "is not a release" in job.error
    assert "is not a release" in read_run_page(Run.objects.get()).words
    assert not Critic.objects.exists()


@pytest.fixture
def sleeping_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the engine by a process that reports that it works and then sleeps, for tests that watch it."""
    import sys

    code = "import time; print('step 1', flush=True); time.sleep(600)"
    monkeypatch.setattr(runs, "build_command", lambda run, resume: [sys.executable, "-c", code])


def when_it_speaks(folder: Path, act: object) -> threading.Thread:
    def wait() -> None:
        wait_until(lambda: bool(trainer.read_last_lines(folder)), what="a word of the trainer")
        act()  # type: ignore[operator]

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.usefixtures("sleeping_trainer")
def test_a_killed_trainer_fails_the_job(engineer: User, release: Release, tiny_model: Path) -> None:
    run = start(engineer, release, tiny_model)
    folder = run_folder(run)

    def kill() -> None:
        os.kill(json.loads((folder / trainer.RECORD).read_text())["pid"], signal.SIGKILL)

    killer = when_it_speaks(folder, kill)
    job = done(run)
    killer.join()
    assert job.state == JobState.FAILED
    assert job.error.endswith("step 1")


@pytest.mark.usefixtures("sleeping_trainer")
def test_a_trainer_that_outlived_its_worker_is_watched_on(
    engineer: User, release: Release, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(engineer, release, tiny_model)
    folder = run_folder(run)
    runs.start_trainer(run)  # as the worker did that is gone
    record = (folder / trainer.RECORD).read_text()
    watch = trainer.watch

    def killed_while_watched(*arguments: Any, **options: Any) -> None:
        when_it_speaks(folder, lambda: os.kill(json.loads(record)["pid"], signal.SIGKILL)).join()
        watch(*arguments, **options)

    monkeypatch.setattr(trainer, "watch", killed_while_watched)
    assert done(run).state == JobState.FAILED
    assert (folder / trainer.RECORD).read_text() == record


@pytest.mark.usefixtures("sleeping_trainer")
def test_a_cancelled_job_ends_its_trainer(engineer: User, release: Release, tiny_model: Path) -> None:
    run = start(engineer, release, tiny_model)
    folder = run_folder(run)
    job, watched = run.job, trainer.watch
    assert job is not None

    def cancelled(of: Path, on_progress: Callable[[float, str], None]) -> None:
        jobs.cancel(job=job, actor=engineer)
        watched(of, on_progress)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "watch", cancelled)
        ended = done(run)
    assert ended.state == JobState.CANCELLED
    assert not trainer.is_running(folder)


@pytest.mark.usefixtures("sleeping_trainer")
def test_a_site_that_ends_stops_the_trainer_and_leaves_the_job_waiting(
    engineer: User, release: Release, tiny_model: Path
) -> None:
    run = start(engineer, release, tiny_model)
    folder = run_folder(run)
    ending = when_it_speaks(folder, jobs.stopping.set)
    try:
        job = done(run)
    finally:
        ending.join()
        jobs.stopping.clear()
    assert job.state == JobState.QUEUED
    assert not trainer.is_running(folder)


def test_a_run_that_was_cut_off_is_gone_on_with(engineer: User, release: Release, tiny_model: Path) -> None:
    run = start(engineer, release, tiny_model)
    assert "--resume" not in runs.build_command(run, resume=False)
    assert runs.build_command(run, resume=True)[-1] == "--resume"


def test_a_critic_that_learns_on_is_measured_beside_what_it_was(
    engineer: User, release: Release, tiny_model: Path
) -> None:
    run = start(engineer, release, tiny_model)
    assert "--previous" not in runs.build_command(run, resume=False)
    register_critic(actor=engineer, name="older", model=str(tiny_model))
    command = runs.build_command(run, resume=True)
    assert command[command.index("--previous") + 1] == str(tiny_model)


def finished(run: Run, model: Path) -> None:
    """Return the folder of a trainer that has ended."""
    import shutil

    folder = run_folder(run)
    shutil.copytree(model, folder / "model")
    (folder / "evaluation.json").write_text(json.dumps({"splits": {}}))


def test_a_finished_run_registers_its_critic_once(engineer: User, release: Release, tiny_model: Path) -> None:
    run = start(engineer, release, tiny_model)
    finished(run, tiny_model)
    job = done(run)
    assert job.state == JobState.DONE
    assert job.result["critic"] == "critic@1"
    again = runs.finish(run=run, name="critic")
    critic = Critic.objects.get()
    assert again == critic
    assert critic.run == run
    assert critic.evaluation == {"splits": {}}


def test_curves_pass_over_half_written_lines_and_what_is_no_number(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        '{"stage": "sft", "step": 1, "loss": 2.5, "note": "x"}\n'
        '{"stage": "data", "problem": "a clip"}\n'
        '{"stage": "sft", "step": 2, "loss": NaN}\n'
        '{"stage": "sft", "st'
    )
    assert read_curves(path) == {"sft": {"loss": [(1, 2.5)]}}


@pytest.mark.parametrize(
    ("unparsable", "state"), [(1.0, JobState.FAILED), (0.95, JobState.FAILED), (0.9, JobState.DONE)]
)
def test_a_run_whose_critic_gives_no_readable_answer_has_failed_with_the_share(
    engineer: User, release: Release, tiny_model: Path, unparsable: float, state: JobState
) -> None:
    run = start(engineer, release, tiny_model)
    finished(run, tiny_model)
    splits = {"val": {"clips": 8, "unparsable_rate": unparsable}, "test": {"clips": 12, "unparsable_rate": unparsable}}
    (run_folder(run) / "evaluation.json").write_text(json.dumps({"splits": splits}))
    job = done(run)
    assert job.state == state
    run.refresh_from_db()
    assert run.evaluation == {"splits": splits}
    if state == JobState.FAILED:
        assert f"{round(20 * (1 - unparsable))} of 20 answers" in job.error
        assert not Critic.objects.exists()
    else:
        assert Critic.objects.get().run == run


def test_a_trial_of_the_way_keeps_an_unreadable_critic(engineer: User, release: Release, tiny_model: Path) -> None:
    run = runs.start_run(actor=engineer, release=release, base_model=str(tiny_model), keeps_unreadable=True)
    finished(run, tiny_model)
    evaluation = {"splits": {"test": {"clips": 12, "unparsable_rate": 1.0}}}
    (run_folder(run) / "evaluation.json").write_text(json.dumps(evaluation))
    assert done(run).state == JobState.DONE
    assert Critic.objects.get().evaluation == evaluation
