"""Find failed jobs that somebody should look at."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from operations.models import Job, JobState

OLD_AFTER = timedelta(days=14)
MAX_FAILED = 100


def list_failed_jobs(kinds: Iterable[str], *, subject: str, now: datetime) -> list[Job]:
    """Return the failed jobs of these kinds, newest first: for each subject only the newest job, if that one failed.

    `subject` names the argument that says what a job is for ("campaign"). A job that was started again, or that failed
    more than OLD_AFTER ago, needs nobody. Two queries, or one if nothing failed.
    """
    jobs = Job.objects.filter(kind__in=list(kinds))
    recent = jobs.filter(state=JobState.FAILED, finished_at__gt=now - OLD_AFTER).order_by("-created_at")
    failed = list(recent[:MAX_FAILED])
    if not failed:
        return []
    newest: dict[tuple[str, object], Job] = {}
    for job in jobs.filter(created_at__gte=failed[-1].created_at).order_by("created_at"):
        newest[job.kind, job.arguments.get(subject)] = job
    current = {job.pk for job in newest.values()}
    return [job for job in failed if job.pk in current]
