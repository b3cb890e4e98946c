"""Bringing clips into a campaign from the browser: the files are stored, and a job reads them."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.campaigns.duplicate import COPY_CLIPS
from annotation.campaigns.forms import ImportForm
from annotation.campaigns.slots import UPDATE_SLOTS
from annotation.intake import uploads
from annotation.models import Campaign
from operations.jobs import enqueue
from operations.models import Job, JobState


@role_required(Role.LEAD)
@require_POST
def import_clips(request: AuthedRequest, name: str) -> HttpResponse:
    """Takes a manifest with its videos, or a zip of them, and asks for the import."""
    campaign = get_object_or_404(Campaign, name=name)
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, _("Choose a manifest with its videos, or a zip that holds both."))
        return redirect("campaign", name=name)
    try:
        manifest = uploads.receive(form.cleaned_data["sent"])
    except uploads.UploadRefused as refusal:
        messages.error(request, str(refusal))
    else:
        enqueue(kind=uploads.KIND, arguments={"campaign": campaign.pk, "manifest": str(manifest)}, actor=request.user)
        messages.success(request, _("The files are here. Reading the clips goes on in the background."))
    return redirect("campaign", name=name)


def last_import(campaign: Campaign) -> Job | None:
    """The newest import into a campaign that a page asked for."""
    return Job.objects.filter(kind=uploads.KIND, arguments__campaign=campaign.pk).order_by("-created_at").first()


def unfinished_upkeep(campaign: Campaign) -> Job | None:
    """The newest copy of clips, or update of slots, in a campaign, if it is not done."""
    jobs = Job.objects.filter(kind__in=[COPY_CLIPS, UPDATE_SLOTS], arguments__campaign=campaign.pk)
    newest = {job.kind: job for job in jobs.order_by("created_at")}
    return next((job for job in newest.values() if job.state != JobState.DONE), None)


@role_required(Role.LEAD)
@require_POST
def finish_upkeep(request: AuthedRequest, name: str) -> HttpResponse:
    """Asks again for a copy of clips, or an update of slots, that failed or was cancelled."""
    campaign = get_object_or_404(Campaign, name=name)
    unfinished = unfinished_upkeep(campaign)
    if unfinished is not None and unfinished.state in (JobState.FAILED, JobState.CANCELLED):
        enqueue(kind=unfinished.kind, arguments=unfinished.arguments, actor=request.user)
        messages.success(request, _("The work goes on in the background."))
    return redirect("campaign", name=name)
