"""Import clips into a campaign from the browser: the files are stored here, and a job reads them."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.intake import uploads
from annotation.intake.forms import ImportForm
from annotation.models import Campaign


@role_required(Role.LEAD)
@require_POST
def import_clips(request: AuthedRequest, name: str) -> HttpResponse:
    """Store a manifest with its videos, or a zip of them, and request the import."""
    campaign = get_object_or_404(Campaign, name=name)
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, _("Choose a manifest with its videos, or a zip that holds both."))
        return redirect("campaign", name=name)
    try:
        manifest = uploads.receive_files(form.cleaned_data["sent"])
    except uploads.UploadRefused as refusal:
        messages.error(request, str(refusal))
    else:
        uploads.request_import(actor=request.user, campaign=campaign, manifest=manifest)
        messages.success(request, _("Files uploaded. The clips are imported in the background."))
    return redirect("campaign", name=name)
