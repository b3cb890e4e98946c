"""The jobs that a campaign waits for: a copy of clips, or an update of its slots."""

from accounts.models import Role, User
from annotation.campaigns.duplicate import COPY_CLIPS
from annotation.campaigns.slots import UPDATE_SLOTS
from annotation.models import Campaign
from annotation.shared.permissions import require_role
from operations.jobs import enqueue
from operations.models import Job, JobState


def find_unfinished_upkeep(campaign: Campaign) -> Job | None:
    """Return the newest copy of clips, or the newest update of slots, unless both are done."""
    jobs = Job.objects.filter(kind__in=[COPY_CLIPS, UPDATE_SLOTS], arguments__campaign=campaign.pk)
    newest = {job.kind: job for job in jobs.order_by("created_at")}
    return next((job for job in newest.values() if job.state != JobState.DONE), None)


def restart_upkeep(*, actor: User, campaign: Campaign) -> Job | None:
    """Enqueue the unfinished job again if it failed or was cancelled; return the new job."""
    require_role(actor, Role.LEAD)
    job = find_unfinished_upkeep(campaign)
    if job is None or job.state not in (JobState.FAILED, JobState.CANCELLED):
        return None
    return enqueue(kind=job.kind, arguments=job.arguments, actor=actor)
