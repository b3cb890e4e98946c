"""Jobs as rows: claimed once, stop to the end, taken over from the dead."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta

import pytest
from celery import current_app
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import AuditEntry, Role, User
from operations import abandoned_jobs, jobs, process_locks
from operations.jobs import JobCancelledError, JobError, JobRun
from operations.models import Job, JobState

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor() -> User:
    return User.objects.create_user("lea", "a-long-password", role=Role.LEAD)


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds that only these tests know."""
    monkeypatch.setattr(jobs, "_kinds", {})
    monkeypatch.setattr(jobs, "_load_job_modules", lambda: None)

    @jobs.job_kind("add")
    def add(run: JobRun) -> dict[str, object]:
        run.report_progress(0.5, "half way")
        return {"sum": run.arguments["a"] + run.arguments["b"]}

    @jobs.job_kind("refuse", queue="long")
    def refuse(run: JobRun) -> None:
        raise JobError("Row 3 of clips.csv has no prompt. Add one and import again.")

    @jobs.job_kind("crash")
    def crash(run: JobRun) -> None:
        raise ZeroDivisionError("three by nothing")


@pytest.fixture
def nudges(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What the broker was handed: (job id, queue)."""
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(
        current_app, "send_task", lambda name, *, args, queue, retry: sent.append((args[0], queue)), raising=True
    )
    return sent


@pytest.fixture
def stopping() -> Iterator[None]:
    jobs.stopping.set()
    yield
    jobs.stopping.clear()


def add_job(actor: User) -> Job:
    return jobs.enqueue(kind="add", arguments={"a": 1, "b": 2}, actor=actor)


def test_a_job_is_nudged_only_when_its_transaction_commits(
    actor: User, nudges: list[tuple[str, str]], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = jobs.enqueue(kind="refuse", arguments={}, actor=actor)
        assert nudges == []
    assert nudges == [(str(job.pk), "long")]


def test_a_job_of_a_transaction_that_fails_never_was(actor: User) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        add_job(actor)
        raise RuntimeError
    assert not Job.objects.exists()
    assert not AuditEntry.objects.exists()


def test_it_is_written_down_who_asked(actor: User) -> None:
    job = add_job(actor)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.target_id) == (actor, "job.queued", str(job.pk))


def test_an_unknown_kind_is_refused(actor: User) -> None:
    with pytest.raises(
        ValueError, match="No module registers jobs of kind 'bake'; the known kinds are add, crash, refuse"
    ):
        jobs.enqueue(kind="bake", arguments={}, actor=actor)


def test_two_modules_cannot_claim_one_kind() -> None:
    def other(run: JobRun) -> None: ...

    other.__module__ = "elsewhere"
    with pytest.raises(ValueError, match="Two modules claim"):
        jobs.job_kind("add")(other)


def test_a_done_job_holds_its_result(actor: User) -> None:
    done = jobs.run(add_job(actor).pk)
    assert done is not None
    assert (done.state, done.result, done.progress, done.message) == (JobState.DONE, {"sum": 3}, 1.0, "half way")
    assert done.finished_at is not None


def test_a_foreseen_failure_shows_its_text_alone(actor: User) -> None:
    failed = jobs.run(jobs.enqueue(kind="refuse", arguments={}, actor=actor).pk)
    assert failed is not None
    assert (failed.state, failed.error) == (
        JobState.FAILED,
        "Row 3 of clips.csv has no prompt. Add one and import again.",
    )


def test_a_defect_is_named_on_the_row_and_logged_with_its_trace(actor: User, caplog: pytest.LogCaptureFixture) -> None:
    failed = jobs.run(jobs.enqueue(kind="crash", arguments={}, actor=actor).pk)
    assert failed is not None
    assert (failed.state, failed.error) == (JobState.FAILED, "ZeroDivisionError: three by nothing")
    assert "Traceback" in caplog.text


def test_a_second_delivery_does_nothing(actor: User) -> None:
    job = add_job(actor)
    jobs.run(job.pk)
    assert jobs.run(job.pk) is None
    job.refresh_from_db()
    assert job.attempts == 1


def test_a_cancelled_job_never_starts(actor: User) -> None:
    job = add_job(actor)
    assert jobs.cancel(job=job, actor=actor)
    assert jobs.run(job.pk) is None
    assert not jobs.cancel(job=job, actor=actor)


def test_a_running_job_stops_at_its_next_progress_when_cancelled(actor: User) -> None:
    @jobs.job_kind("slow")
    def slow(run: JobRun) -> None:
        jobs.cancel(job=run.job, actor=actor)
        with pytest.raises(JobCancelledError):
            run.report_progress(0.5)
        raise JobCancelledError

    ended = jobs.run(jobs.enqueue(kind="slow", arguments={}, actor=actor).pk)
    assert ended is not None
    assert ended.state == JobState.CANCELLED


def test_a_worker_that_lost_its_job_cannot_finish_it(actor: User) -> None:
    @jobs.job_kind("lost")
    def lost(run: JobRun) -> dict[str, object]:
        Job.objects.filter(pk=run.job.pk).update(worker="somebody else")
        return {"written": "too late"}

    job = jobs.run(jobs.enqueue(kind="lost", arguments={}, actor=actor).pk)
    assert job is not None
    assert (job.state, job.worker, job.result) == (JobState.RUNNING, "somebody else", {})


@pytest.mark.usefixtures("stopping")
def test_an_ending_process_hands_its_job_back_uncounted(actor: User) -> None:
    job = jobs.run(add_job(actor).pk)
    assert job is not None
    assert (job.state, job.attempts, job.worker) == (JobState.QUEUED, 0, "")


def test_a_broker_that_is_away_loses_no_job(
    actor: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(current_app, "send_task", away)
    with django_capture_on_commit_callbacks(execute=True):
        job = add_job(actor)
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


class TestReclaim:
    def job(self, **values: object) -> Job:
        return Job.objects.create(kind="add", **values)

    def later(self, settings: Settings) -> datetime:
        stale: timedelta = settings.JOB_STALE
        return timezone.now() + stale + timedelta(seconds=1)

    def test_a_job_whose_worker_fell_silent_waits_again(
        self, settings: Settings, nudges: list[tuple[str, str]]
    ) -> None:
        silent = self.job(state=JobState.RUNNING, heartbeat_at=timezone.now(), worker="dead", attempts=1)
        assert abandoned_jobs.reclaim() == 0
        assert abandoned_jobs.reclaim(now=self.later(settings)) == 1
        silent.refresh_from_db()
        assert (silent.state, silent.worker) == (JobState.QUEUED, "")
        assert nudges == [(str(silent.pk), "short")]

    def test_a_job_of_a_living_process_stays_and_that_of_a_dead_one_waits_again_at_once(
        self, monkeypatch: pytest.MonkeyPatch, nudges: list[tuple[str, str]]
    ) -> None:
        now = timezone.now()
        alive, dead = (
            self.job(state=JobState.RUNNING, started_at=now, heartbeat_at=now, worker=f"host:1:{name}:{name}-claim")
            for name in ("alive", "dead")
        )
        monkeypatch.setattr(process_locks, "hold_dead", lambda: nullcontext(["dead"]))
        assert abandoned_jobs.reclaim() == 1
        alive.refresh_from_db()
        dead.refresh_from_db()
        assert (alive.state, dead.state) == (JobState.RUNNING, JobState.QUEUED)

    def test_a_nudge_that_was_lost_is_given_again_but_not_at_every_sweep(
        self, settings: Settings, nudges: list[tuple[str, str]]
    ) -> None:
        self.job()
        assert abandoned_jobs.reclaim() == 0  # just asked for: its first nudge is on the way
        later = self.later(settings)
        assert abandoned_jobs.reclaim(now=later) == 1
        assert abandoned_jobs.reclaim(now=later + timedelta(seconds=5)) == 0
        assert len(nudges) == 1

    def test_a_job_that_was_handed_back_is_found_at_once(self, nudges: list[tuple[str, str]]) -> None:
        self.job(started_at=timezone.now())
        assert abandoned_jobs.reclaim() == 1

    def test_a_job_that_kills_its_workers_is_given_up(self, settings: Settings, nudges: list[tuple[str, str]]) -> None:
        deadly = self.job(state=JobState.RUNNING, heartbeat_at=timezone.now(), attempts=settings.JOB_MOST_ATTEMPTS)
        assert abandoned_jobs.reclaim(now=self.later(settings)) == 0
        deadly.refresh_from_db()
        assert deadly.state == JobState.FAILED
        assert "died 3 times" in deadly.error

    @pytest.mark.parametrize("state", [JobState.DONE, JobState.FAILED, JobState.CANCELLED])
    def test_what_has_ended_stays_ended(
        self, state: JobState, settings: Settings, nudges: list[tuple[str, str]]
    ) -> None:
        ended = self.job(state=state, heartbeat_at=timezone.now())
        abandoned_jobs.reclaim(now=self.later(settings))
        ended.refresh_from_db()
        assert ended.state == state
        assert nudges == []


@pytest.mark.parametrize("fails", [False, True])
def test_a_command_runs_its_work_as_a_job_that_a_worker_takes_over_if_it_is_killed(actor: User, fails: bool) -> None:
    def work() -> Job:
        with jobs.run_here(kind="add", arguments={"a": 1, "b": 2}, actor=actor) as run:
            run.report_progress(0.5, "half way")
            assert Job.objects.get(pk=run.job.pk).state == JobState.RUNNING
            assert jobs.run(run.job.pk) is None
            if fails:
                raise ZeroDivisionError("three by nothing")
        return run.job

    if fails:
        with pytest.raises(ZeroDivisionError):
            work()
        assert Job.objects.get().error == "ZeroDivisionError: three by nothing"
    else:
        assert Job.objects.get(pk=work().pk).state == JobState.DONE
    Job.objects.update(state=JobState.RUNNING, heartbeat_at=timezone.now() - timedelta(hours=1))
    abandoned_jobs.reclaim()
    done = jobs.run(Job.objects.get().pk)
    assert done is not None
    assert done.result == {"sum": 3}


def test_a_kind_that_runs_alone_waits_for_its_like_and_is_nudged_at_its_end(
    actor: User, nudges: list[tuple[str, str]]
) -> None:
    while_running: list[Job | None] = []
    waiting: list[Job] = []

    @jobs.job_kind("draft", alone=True)
    def draft(run: JobRun) -> None:
        if waiting:
            while_running.append(jobs.run(waiting[0].pk))
            while_running.append(jobs.run(add_job(actor).pk))

    first = jobs.enqueue(kind="draft", arguments={}, actor=actor)
    waiting.append(jobs.enqueue(kind="draft", arguments={}, actor=actor))
    done = jobs.run(first.pk)
    assert done is not None
    assert done.state == JobState.DONE
    refused, other = while_running
    assert refused is None
    assert other is not None
    assert other.state == JobState.DONE
    assert nudges == [(str(waiting[0].pk), "short")]
    again = jobs.run(waiting.pop().pk)
    assert again is not None
    assert (again.state, again.attempts) == (JobState.DONE, 1)
