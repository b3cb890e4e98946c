"""The cards of jobs that failed, on the home page of leads."""

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.home import NEEDS_LEAD, HomeCard, HomeSection, home_cards
from accounts.models import Role, User
from operations.models import Job, JobState
from qsave.words import isolate

SHOWN_FOR = timedelta(days=7)
NEWEST = 5
NEWER_JOBS = 200
LONGEST_ERROR = 160


@home_cards(Role.LEAD)
def build_failed_jobs(user: User) -> HomeSection:
    """Show the newest jobs that failed in the last week and that no later job has made good."""
    return HomeSection("", tuple(map(_make_card, list_failed_jobs())), "", NEEDS_LEAD)


def list_failed_jobs() -> list[Job]:
    """Return the newest failed jobs without a later one of the same kind and arguments. Two queries."""
    since = timezone.now() - SHOWN_FOR
    failed = list(Job.objects.filter(state=JobState.FAILED, created_at__gte=since).order_by("-created_at")[:NEWEST])
    if not failed:
        return []
    kinds = {job.kind for job in failed}
    newer = list(Job.objects.filter(kind__in=kinds, created_at__gte=failed[-1].created_at)[:NEWER_JOBS])
    return [job for job in failed if not any(_replaces(other, job) for other in newer)]


def _replaces(other: Job, job: Job) -> bool:
    is_same = (other.kind, other.arguments) == (job.kind, job.arguments)
    return is_same and other.created_at > job.created_at and other.state != JobState.CANCELLED


def _make_card(job: Job) -> HomeCard:
    why = (job.error.strip().splitlines() or [_("It gave no reason.")])[-1][:LONGEST_ERROR]
    title = _("Job failed: %(kind)s") % {"kind": isolate(job.kind.replace("_", " "))}
    return HomeCard(title, why, reverse("job", args=[job.pk]), _("View the job"))
