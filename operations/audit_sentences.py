"""The sentences of the acts on jobs in the audit trail."""

from collections.abc import Collection, Mapping

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.audit_trail import Act, Target, register_acts, register_target_reader
from operations.models import Job

register_acts(
    {
        "job.queued": Act(_("Job queued"), _("%(actor)s queued the job %(target)s.")),
        "job.cancelled": Act(_("Job cancelled"), _("%(actor)s cancelled the job %(target)s.")),
    }
)


@register_target_reader("operations.job")
def read_jobs(keys: Collection[str]) -> Mapping[str, Target]:
    jobs = Job.objects.filter(pk__in=keys).only("kind")
    return {str(job.pk): Target(job.kind.replace("_", " "), reverse("job", args=[job.pk])) for job in jobs}
