"""Find the jobs that no worker runs, and have them run again."""

import logging
from datetime import datetime

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from operations import process_locks
from operations.jobs import nudge
from operations.models import Job, JobState

logger = logging.getLogger(__name__)


def reclaim(*, now: datetime | None = None) -> int:
    """Find the jobs that no worker runs, and nudge workers to run them. Return how many. Safe to call at any time.

    These are running rows whose process is known to be dead or has sent no heartbeat for JOB_STALE, and rows that have
    waited long without a nudge (the broker lost it or was unavailable). A job during which several workers died fails.
    """
    now = now or timezone.now()
    stale = now - settings.JOB_STALE
    with process_locks.hold_dead() as processes:
        _requeue_dead(Q(heartbeat_at__lt=stale) | _is_run_by(processes), now)
    # While a row waits, heartbeat_at is the time of its last nudge.
    waiting = Job.objects.filter(state=JobState.QUEUED).exclude(heartbeat_at__gte=stale)
    waiting = waiting.exclude(started_at=None, created_at__gte=stale)  # just queued: its nudge is on the way
    reclaimed = 0
    for job in waiting.order_by("created_at"):
        if Job.objects.filter(pk=job.pk, state=JobState.QUEUED, heartbeat_at=job.heartbeat_at).update(heartbeat_at=now):
            nudge(job)
            reclaimed += 1
    return reclaimed


def _requeue_dead(is_dead: Q, now: datetime) -> None:
    dead = Job.objects.filter(is_dead, state=JobState.RUNNING)
    given_up = dead.filter(attempts__gte=settings.JOB_MOST_ATTEMPTS).update(
        state=JobState.FAILED,
        finished_at=now,
        error=f"The worker died {settings.JOB_MOST_ATTEMPTS} times during this job. See its log, then start it again.",
    )
    if given_up:
        logger.error("%s jobs failed because their workers died %s times", given_up, settings.JOB_MOST_ATTEMPTS)
    dead.update(state=JobState.QUEUED, worker="", heartbeat_at=None)


def _is_run_by(processes: list[str]) -> Q:
    run = Q(pk__in=[])
    for name in processes:
        run |= Q(worker__contains=f":{name}:")
    return run
