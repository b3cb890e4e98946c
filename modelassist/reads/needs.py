"""Find what needs somebody in training and drafting, and what is under way."""

from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from modelassist.models import DRAFTED_STATES, Activation, DraftingStop, Run
from operations.models import JobState

RECENT = timedelta(days=14)
MAX_ROWS = 12


def list_failed_runs(now: datetime) -> QuerySet[Run]:
    """Return the runs whose last job failed in the last RECENT days. A run that was resumed has another job."""
    failed = Run.objects.filter(job__state=JobState.FAILED, job__finished_at__gt=now - RECENT)
    return failed.select_related("job", "release")[:MAX_ROWS]


def list_current_runs(now: datetime) -> QuerySet[Run]:
    """Return the runs that wait, train, or ended well in the last RECENT days, newest first. Two queries, with their
    critics."""
    going = Q(job__state__in=[JobState.QUEUED, JobState.RUNNING])
    ended = Q(job__state=JobState.DONE, job__finished_at__gt=now - RECENT)
    return Run.objects.filter(going | ended).select_related("job", "release").prefetch_related("critics")[:MAX_ROWS]


def list_paused_drafting() -> QuerySet[Activation]:
    """Return where a critic should draft in a campaign that is not closed, but cannot load or answer. One query."""
    return _list_drafting().exclude(retry_at=None)[:MAX_ROWS]


def list_stopped_drafting() -> QuerySet[DraftingStop]:
    """Return where a rule stopped the active critic of a campaign that is not closed. One query."""
    stops = DraftingStop.objects.filter(resumed_at=None, campaign__state__in=DRAFTED_STATES)
    active = stops.filter(campaign__activation__critic=F("critic"))
    return active.select_related("campaign", "critic")[:MAX_ROWS]


def list_running_drafting() -> QuerySet[Activation]:
    """Return where a critic drafts in a campaign that is not closed. One query."""
    stops = DraftingStop.objects.filter(campaign=OuterRef("campaign"), critic=OuterRef("critic"), resumed_at=None)
    return _list_drafting().filter(retry_at=None).exclude(Exists(stops))[:MAX_ROWS]


def _list_drafting() -> QuerySet[Activation]:
    drafting = Activation.objects.filter(campaign__state__in=DRAFTED_STATES)
    return drafting.select_related("campaign", "critic").order_by("campaign__title", "pk")
