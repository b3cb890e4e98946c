"""The page that imports from a bucket."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import AuthedRequest, role_required
from accounts.models import Role, User
from annotation.intake.archives import UploadRefused
from annotation.intake.bucket_manifests import prepare_bucket
from annotation.intake.folder_manifests import GeneratorMissing
from annotation.intake.forms import BucketForm
from annotation.intake.uploads import import_folder, open_upload_folder
from annotation.models import Campaign, ClipImport


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def import_bucket(request: AuthedRequest, name: str) -> HttpResponse:
    """Ask for an address, or make an import of what is there."""
    campaign = get_object_or_404(Campaign, name=name)
    form = BucketForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            clip_import = _request_import(request.user, campaign, **form.cleaned_data)
        except GeneratorMissing as refusal:
            form.add_error("generator", str(refusal))
        except UploadRefused as refusal:
            form.add_error("address", str(refusal))
        else:
            messages.success(request, _("Check what would come of the bucket, then start the import."))
            return redirect("clip-import", pk=clip_import.pk)
    context = {"campaign": campaign, "form": form}
    return render(request, "annotation/import_bucket.html", context, status=422 if form.errors else 200)


def _request_import(actor: User, campaign: Campaign, address: str, generator: str) -> ClipImport:
    with open_upload_folder() as work_folder:
        manifest = prepare_bucket(address, work_folder, generator=generator)
        return import_folder(actor=actor, campaign=campaign, source=ClipImport.Source.BUCKET, manifest=manifest)
