"""Find releases that need an engineer: failed or damaged ones, and those that are built or new."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from datasets.jobs import VERIFY
from datasets.models import Release
from operations.models import Job, JobState

RECENT = timedelta(days=14)
MAX_RELEASES = 12
MAX_CHECKS = 200

State = Release.State


def list_failed_releases(now: datetime) -> QuerySet[Release]:
    """Return the releases of the last RECENT days that failed and were not cancelled, unless a later one of the same
    campaign did not fail."""
    later = Release.objects.filter(campaign=OuterRef("campaign"), number__gt=OuterRef("number"))
    failed = Release.objects.filter(state=State.FAILED, created_at__gt=now - RECENT).select_related("job")
    failed = failed.exclude(job__state=JobState.CANCELLED)
    return failed.exclude(Exists(later.exclude(state=State.FAILED)))[:MAX_RELEASES]


def list_damaged_releases(now: datetime) -> list[Release]:
    """Return the releases whose last check, in the last RECENT days, found problems. Two queries."""
    checks = Job.objects.filter(kind=VERIFY, state=JobState.DONE, created_at__gt=now - RECENT).order_by("-created_at")
    last = {job.arguments.get("release"): job for job in reversed(checks[:MAX_CHECKS])}
    damaged = [release for release, job in last.items() if job.result.get("problems")]
    return list(Release.objects.filter(pk__in=damaged))


def list_current_releases(now: datetime) -> QuerySet[Release]:
    """Return the releases that are being built or were frozen in the last RECENT days, newest first. One query."""
    building = Release.objects.filter(state=State.BUILDING)
    new = Release.objects.filter(state=State.FROZEN, frozen_at__gt=now - RECENT)
    return (building | new).select_related("job", "campaign").order_by("-number")[:MAX_RELEASES]
