"""Background work. The row of a job holds its state; a message of Celery (a nudge) only carries the row's id.

A package registers its kinds of jobs in a module `jobs.py`, which is loaded when the first job is queued or run:

    @job_kind("import_clips")
    def import_clips(run: JobRun) -> dict[str, object]:
        for number, row in enumerate(rows, start=1):
            run.report_progress(number / len(rows), f"{number} of {len(rows)} rows")
            ...
        return {"added": 12}

and queues one inside its transaction: `enqueue(kind="import_clips", arguments={...}, actor=user)`. A handler may be
killed at any point and started again, so running it twice must have the same result as running it once. `JobError` is
an expected failure: pages show its text alone. Any other exception is a defect: it is logged with its traceback, and
the row names it.
"""

import logging
import os
import socket
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules
from kombu.exceptions import OperationalError

from accounts.audit import record
from accounts.models import Role, User
from operations import process_locks
from operations.models import Job, JobState

logger = logging.getLogger(__name__)

QUEUES = ("short", "long", "training")
# short: seconds, many at a time, and the work of critics, whose models one process holds; long: minutes, one at a time;
# training: hours or days, one at a time, so that no import, release or verification waits for a training run
PROGRESS_SECONDS = 0.5
MESSAGE_LENGTH = 300
TASK = "operations.run_job"
# Set when this process must end: running jobs return to the queue at their next progress report.
stopping = threading.Event()


class JobError(Exception):
    """The job cannot be done. The text says what happened, where, and what to do."""


class JobCancelledError(Exception):
    """The job was cancelled, or another worker took it over: stop, and write nothing more."""


class JobInterruptedError(Exception):
    """This process is ending: the job returns to the queue."""


class JobRun:
    """One attempt at a job, for its handler."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.arguments: dict[str, Any] = job.arguments
        self._next_write = 0.0

    def report_progress(self, share: float, message: str = "") -> None:
        """Store the share of the work that is done (0..1). Cheap to call often: it writes at most twice a second.

        It ends the handler by an exception if the job was cancelled or the process is ending; do not catch it.
        """
        if stopping.is_set():
            raise JobInterruptedError
        if share < 1.0 and time.monotonic() < self._next_write:
            return
        self._next_write = time.monotonic() + PROGRESS_SECONDS
        if not _beat(self.job, progress=min(1.0, max(0.0, share)), message=message[:MESSAGE_LENGTH]):
            raise JobCancelledError


Handler = Callable[[JobRun], Mapping[str, object] | None]


@dataclass(frozen=True, slots=True)
class JobKind:
    handler: Handler
    queue: str
    alone: bool
    """Whether the site runs at most one job of this kind at a time, so that others find a free worker."""


_kinds: dict[str, JobKind] = {}


def job_kind(name: str, *, queue: str = "short", alone: bool = False) -> Callable[[Handler], Handler]:
    """Register the decorated function as the handler of jobs of kind `name`."""
    if queue not in QUEUES:
        raise ValueError(f"{queue!r} is not a queue. Choose one of {', '.join(QUEUES)}.")

    def register(handler: Handler) -> Handler:
        registered = _kinds.get(name)
        if registered is not None and registered.handler.__module__ != handler.__module__:
            raise ValueError(
                f"Two modules claim jobs of kind {name!r}: {registered.handler.__module__}, {handler.__module__}."
            )
        _kinds[name] = JobKind(handler, queue, alone)
        return handler

    return register


@cache
def _load_job_modules() -> None:
    autodiscover_modules("jobs")


def find_kind(name: str) -> JobKind | None:
    """Return the kind that is registered under `name`, if any."""
    _load_job_modules()
    return _kinds.get(name)


def enqueue(*, kind: str, arguments: Mapping[str, object], actor: User | None) -> Job:
    """Queue a job. When the transaction commits, the row exists and a worker is nudged."""
    registered = find_kind(kind)
    if registered is None:
        raise ValueError(
            f"No module registers jobs of kind {kind!r}; the known kinds are {', '.join(sorted(_kinds)) or 'none'}."
        )
    with transaction.atomic():
        job = Job.objects.create(kind=kind, queue=registered.queue, arguments=dict(arguments), created_by=actor)
        record(actor=actor, action="job.queued", target=job, kind=kind)
        transaction.on_commit(lambda: nudge(job))
    return job


def repeat(job: Job) -> Job:
    """Queue a job that has ended once more, as if it were new; one that has not ended stays as it is. For work that
    the site itself repeats: it adds no row and no entry to the audit trail."""
    with transaction.atomic():
        ended = Job.objects.filter(pk=job.pk).exclude(state__in=[JobState.QUEUED, JobState.RUNNING])
        if ended.update(
            state=JobState.QUEUED,
            progress=0.0,
            message="",
            result={},
            error="",
            attempts=0,
            worker="",
            created_at=timezone.now(),
            started_at=None,
            heartbeat_at=None,
            finished_at=None,
        ):
            transaction.on_commit(lambda: nudge(job))
    job.refresh_from_db()
    return job


@contextmanager
def run_here(*, kind: str, arguments: Mapping[str, object], actor: User | None) -> Iterator[JobRun]:
    """Run the body as a job of this process. If the process is killed, a worker takes the job over."""
    registered = find_kind(kind)
    now = timezone.now()
    job = Job.objects.create(
        kind=kind,
        queue=registered.queue if registered else "long",
        arguments=dict(arguments),
        created_by=actor,
        state=JobState.RUNNING,
        worker=_make_token(),
        started_at=now,
        heartbeat_at=now,
        attempts=1,
    )
    try:
        with _heartbeat(job):
            yield JobRun(job)
    except JobCancelledError:
        raise
    except BaseException as error:
        _finish(job, JobState.FAILED, error="".join(traceback.format_exception_only(error)).strip())
        raise
    else:
        _finish(job, JobState.DONE, progress=1.0)


def list_visible_jobs(user: User) -> QuerySet[Job]:
    """Return the jobs that this person may see: all if they are a lead, else those that they started."""
    return Job.objects.all() if user.has_role(Role.LEAD) else Job.objects.filter(created_by=user)


def nudge(job: Job) -> None:
    """Send a worker the job's id. If the broker is unavailable, the next sweep finds the row.

    A job that an older version queued goes to the queue that its kind has now.
    """
    registered = find_kind(job.kind)
    try:
        current_app.send_task(
            TASK, args=[str(job.pk)], queue=registered.queue if registered else job.queue, retry=False
        )
    except (OperationalError, OSError) as error:
        logger.warning("Job %s waits for the next sweep because the broker did not take it: %s", job.pk, error)


def cancel(*, job: Job, actor: User) -> bool:
    """Cancel a job that has not ended; its handler stops at its next progress report. Return False if it had ended."""
    with transaction.atomic():
        open_rows = Job.objects.filter(pk=job.pk, state__in=[JobState.QUEUED, JobState.RUNNING])
        cancelled = open_rows.update(state=JobState.CANCELLED, finished_at=timezone.now()) == 1
        if cancelled:
            record(actor=actor, action="job.cancelled", target=job)
    return cancelled


def run(job_id: str | uuid.UUID) -> Job | None:
    """Run the job in this process. Return None if it is not waiting (done, cancelled, or running in another worker), or
    if it waits for another of its kind.
    """
    job = _claim(uuid.UUID(str(job_id)))
    if job is None:
        return None
    try:
        return _run_claimed(job)
    finally:
        if not stopping.is_set():
            _nudge_next(job.kind)


def _run_claimed(job: Job) -> Job:
    try:
        with _heartbeat(job):
            result = _find_handler(job)(JobRun(job))
    except JobCancelledError:
        logger.info("Job %s (%s) stopped: cancelled or taken over", job.pk, job.kind)
    except JobInterruptedError:
        _get_claimed_row(job).update(state=JobState.QUEUED, worker="", heartbeat_at=None, attempts=F("attempts") - 1)
    except JobError as error:
        _finish(job, JobState.FAILED, error=str(error))
    except Exception as error:  # whatever a handler raises, the row must say how the job ended
        logger.exception("Job %s (%s) failed", job.pk, job.kind)
        _finish(job, JobState.FAILED, error="".join(traceback.format_exception_only(error)).strip())
    else:
        _finish(job, JobState.DONE, progress=1.0, result=dict(result or {}))
    job.refresh_from_db()
    return job


def _make_token() -> str:
    """Return a name for a claim. It contains that of this process, by which others know whether it lives."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{process_locks.get_name()}:{uuid.uuid4().hex[:12]}"


def _claim(job_id: uuid.UUID) -> Job | None:
    token, now = _make_token(), timezone.now()
    with transaction.atomic():
        _lock_kind_that_runs_alone(job_id)
        waiting = Job.objects.filter(pk=job_id, state=JobState.QUEUED)
        waiting = waiting.exclude(Exists(_select_alone().filter(state=JobState.RUNNING, kind=OuterRef("kind"))))
        taken = waiting.update(
            state=JobState.RUNNING, worker=token, started_at=now, heartbeat_at=now, attempts=F("attempts") + 1
        )
    return Job.objects.get(pk=job_id) if taken else None


def _lock_kind_that_runs_alone(job_id: uuid.UUID) -> None:
    """Let claims of jobs of such a kind wait for each other: two at once would each see that no such job runs."""
    kinds = _select_alone().filter(pk=job_id).values("kind")
    open_jobs = Job.objects.filter(kind__in=kinds, state__in=[JobState.QUEUED, JobState.RUNNING])
    list(open_jobs.select_for_update().order_by("pk").values_list("pk"))


def _select_alone() -> QuerySet[Job]:
    """Select the jobs of kinds of which at most one runs at a time."""
    _load_job_modules()
    return Job.objects.filter(kind__in=[name for name, kind in _kinds.items() if kind.alone])


def _nudge_next(kind: str) -> None:
    """Nudge a worker for the oldest job that waited for one of its kind to end."""
    registered = find_kind(kind)
    if registered is not None and registered.alone:
        waiting = Job.objects.filter(kind=kind, state=JobState.QUEUED).order_by("created_at").first()
        if waiting is not None:
            nudge(waiting)


def _find_handler(job: Job) -> Handler:
    registered = find_kind(job.kind)
    if registered is None:
        raise JobError(f"This version of the site does not know jobs of kind {job.kind!r}.")
    return registered.handler


def _get_claimed_row(job: Job) -> QuerySet[Job]:
    """Return the row, if it still belongs to this claim."""
    return Job.objects.filter(pk=job.pk, worker=job.worker, state=JobState.RUNNING)


def _beat(job: Job, **values: object) -> bool:
    return _get_claimed_row(job).update(heartbeat_at=timezone.now(), **values) == 1


def _finish(job: Job, state: JobState, **values: object) -> None:
    if not _get_claimed_row(job).update(state=state, finished_at=timezone.now(), **values):
        logger.warning("Job %s (%s) ended as %s after it was cancelled or taken over", job.pk, job.kind, state)


@contextmanager
def _heartbeat(job: Job) -> Iterator[None]:
    """Update the job's heartbeat while the body runs, from a separate thread.

    Inside an open transaction there is no heartbeat: nobody else can see the row, and on SQLite the thread would wait
    for the end of the transaction.
    """
    if connection.in_atomic_block:
        yield
        return
    done = threading.Event()
    thread = threading.Thread(target=_beat_until, args=(job, done), name=f"heartbeat-{job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat_until(job: Job, done: threading.Event) -> None:
    try:
        while not done.wait(settings.JOB_HEARTBEAT_SECONDS):
            try:
                if not _beat(job):
                    return
            except DatabaseError as error:  # a short outage: rows become stale only after several missed beats
                logger.warning("Heartbeat of job %s did not reach the database: %s", job.pk, error)
                connection.close()
    finally:
        connection.close()
