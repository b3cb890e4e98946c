"""Work in the background. A job row is the truth; Celery only carries a nudge that names it.

A room registers what it can do in a module called `jobs.py`, which is read when the first job is asked for or run:

    @job_kind("import_clips")
    def import_clips(run: JobRun) -> dict[str, object]:
        for number, row in enumerate(rows, start=1):
            run.progress(number / len(rows), f"{number} of {len(rows)} rows")
            ...
        return {"added": 12}

and asks for it inside its transaction: `enqueue(kind="import_clips", arguments={...}, actor=user)`. A handler may be
cut off at any point and started again, so running it twice must leave what running it once leaves. `JobError` is a
failure foreseen: its text is all that is shown. Any other exception is a defect: it is logged with its trace, and the
row names it.
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
from datetime import datetime
from functools import cache
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules
from kombu.exceptions import OperationalError

from accounts.audit import record
from accounts.models import User
from operations.models import Job, JobState

logger = logging.getLogger(__name__)

QUEUES = ("short", "long", "training")
# short: seconds, many at a time; long: minutes, one at a time; training: hours or days, one at a time, so that no
# import, release or verification waits for a training run
PROGRESS_SECONDS = 0.5
MESSAGE_LENGTH = 300
TASK = "operations.run_job"
# Set when this process has been asked to end: running jobs go back to the queue at their next sign of progress.
stopping = threading.Event()


class JobError(Exception):
    """The job cannot be done. The text says what happened, where, and how to go on."""


class JobCancelledError(Exception):
    """The job was cancelled, or another worker took it over: stop and write nothing more."""


class JobInterruptedError(Exception):
    """This process is ending: the job goes back to the queue."""


class JobRun:
    """One attempt at a job, as its handler sees it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.arguments: dict[str, Any] = job.arguments
        self._next_write = 0.0

    def progress(self, share: float, message: str = "") -> None:
        """Store how far the work came (0..1). Cheap to call often: it writes at most twice a second.

        Ends the handler, by an exception it need not know, if the job was cancelled or the process is ending.
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


_kinds: dict[str, JobKind] = {}


def job_kind(name: str, *, queue: str = "short") -> Callable[[Handler], Handler]:
    """Register the decorated function as the one that does jobs of kind `name`."""
    if queue not in QUEUES:
        raise ValueError(f"{queue!r} is not a queue; there are {', '.join(QUEUES)}.")

    def register(handler: Handler) -> Handler:
        known = _kinds.get(name)
        if known is not None and known.handler.__module__ != handler.__module__:
            raise ValueError(
                f"Two modules claim jobs of kind {name!r}: {known.handler.__module__}, {handler.__module__}."
            )
        _kinds[name] = JobKind(handler, queue)
        return handler

    return register


@cache
def _read_rooms() -> None:
    autodiscover_modules("jobs")


def find_kind(name: str) -> JobKind | None:
    """What is registered under `name`."""
    _read_rooms()
    return _kinds.get(name)


def enqueue(*, kind: str, arguments: Mapping[str, object], actor: User | None) -> Job:
    """Ask for a job. It is there when the transaction commits, and a worker is nudged then."""
    known = find_kind(kind)
    if known is None:
        raise ValueError(f"No module registers jobs of kind {kind!r}; known are {', '.join(sorted(_kinds)) or 'none'}.")
    with transaction.atomic():
        job = Job.objects.create(kind=kind, queue=known.queue, arguments=dict(arguments), created_by=actor)
        record(actor=actor, action="job.queued", target=job, kind=kind)
        transaction.on_commit(lambda: nudge(job))
    return job


def nudge(job: Job) -> None:
    """Tell a worker of the job. A broker that is away costs time only: the row is found by the next sweep.

    A job that an older version queued goes to the queue that its kind has now.
    """
    known = find_kind(job.kind)
    try:
        current_app.send_task(TASK, args=[str(job.pk)], queue=known.queue if known else job.queue, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("Job %s waits for the next sweep, the broker did not take it: %s", job.pk, error)


def cancel(*, job: Job, actor: User) -> bool:
    """Cancel a job that has not ended; its handler stops at its next sign of progress. False if it had ended."""
    with transaction.atomic():
        open_rows = Job.objects.filter(pk=job.pk, state__in=[JobState.QUEUED, JobState.RUNNING])
        cancelled = open_rows.update(state=JobState.CANCELLED, finished_at=timezone.now()) == 1
        if cancelled:
            record(actor=actor, action="job.cancelled", target=job)
    return cancelled


def run(job_id: str | uuid.UUID) -> Job | None:
    """Do the job, here and now. None if it is not waiting: done already, cancelled, or in another worker's hands."""
    job = _claim(uuid.UUID(str(job_id)))
    if job is None:
        return None
    try:
        with _heartbeat(job):
            result = _handler(job)(JobRun(job))
    except JobCancelledError:
        logger.info("Job %s (%s) stopped: cancelled or taken over", job.pk, job.kind)
    except JobInterruptedError:
        _held(job).update(state=JobState.QUEUED, worker="", heartbeat_at=None, attempts=F("attempts") - 1)
    except JobError as error:
        _finish(job, JobState.FAILED, error=str(error))
    except Exception as error:  # the edge of foreign work: the row must say how it ended
        logger.exception("Job %s (%s) failed", job.pk, job.kind)
        _finish(job, JobState.FAILED, error="".join(traceback.format_exception_only(error)).strip())
    else:
        _finish(job, JobState.DONE, progress=1.0, result=dict(result or {}))
    job.refresh_from_db()
    return job


def _claim(job_id: uuid.UUID) -> Job | None:
    token = f"{socket.gethostname()[:60]}:{os.getpid()}:{uuid.uuid4().hex}"
    now = timezone.now()
    waiting = Job.objects.filter(pk=job_id, state=JobState.QUEUED)
    taken = waiting.update(
        state=JobState.RUNNING, worker=token, started_at=now, heartbeat_at=now, attempts=F("attempts") + 1
    )
    return Job.objects.get(pk=job_id) if taken else None


def _handler(job: Job) -> Handler:
    known = find_kind(job.kind)
    if known is None:
        raise JobError(f"This version of the site does not know jobs of kind {job.kind!r}.")
    return known.handler


def _held(job: Job) -> QuerySet[Job]:
    """The row, if this very claim still holds it."""
    return Job.objects.filter(pk=job.pk, worker=job.worker, state=JobState.RUNNING)


def _beat(job: Job, **values: object) -> bool:
    return _held(job).update(heartbeat_at=timezone.now(), **values) == 1


def _finish(job: Job, state: JobState, **values: object) -> None:
    if not _held(job).update(state=state, finished_at=timezone.now(), **values):
        logger.warning("Job %s (%s) ended as %s after it was cancelled or taken over", job.pk, job.kind, state)


@contextmanager
def _heartbeat(job: Job) -> Iterator[None]:
    """Show that the job is alive while the body works, from a thread of its own.

    Inside an open transaction nobody else can see the row, and on SQLite a second writer would wait for its end: there
    is no heartbeat then.
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
            except DatabaseError as error:  # away for a moment; stale rows are taken over only after several beats
                logger.warning("Heartbeat of job %s did not reach the database: %s", job.pk, error)
                connection.close()
    finally:
        connection.close()


def reclaim(*, now: datetime | None = None) -> int:
    """Find the jobs that nobody works on, and nudge workers of them. Safe to run anywhere, any time. Returns how many.

    These are rows that run without a heartbeat (their worker died), and rows that have waited long without a nudge (the
    broker lost it, or was away). A job that has cost several workers their lives is given up.
    """
    now = now or timezone.now()
    stale = now - settings.JOB_STALE
    dead = Job.objects.filter(state=JobState.RUNNING, heartbeat_at__lt=stale)
    given_up = dead.filter(attempts__gte=settings.JOB_MOST_ATTEMPTS).update(
        state=JobState.FAILED,
        finished_at=now,
        error=f"The worker died {settings.JOB_MOST_ATTEMPTS} times while doing this. See its log, then start it again.",
    )
    if given_up:
        logger.error("%s jobs given up: their workers died %s times", given_up, settings.JOB_MOST_ATTEMPTS)
    dead.update(state=JobState.QUEUED, worker="", heartbeat_at=None)
    # While a row waits, heartbeat_at is the time of its last nudge.
    waiting = Job.objects.filter(state=JobState.QUEUED).exclude(heartbeat_at__gte=stale)
    waiting = waiting.exclude(started_at=None, created_at__gte=stale)  # just enqueued: its nudge is on the way
    found = 0
    for job in waiting.order_by("created_at").iterator():
        if Job.objects.filter(pk=job.pk, state=JobState.QUEUED, heartbeat_at=job.heartbeat_at).update(heartbeat_at=now):
            nudge(job)
            found += 1
    return found
