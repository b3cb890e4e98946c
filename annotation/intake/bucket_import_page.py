"""The page that imports from a bucket."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.intake.archives import UploadRefused
from annotation.intake.folder_manifests import GeneratorMissing
from annotation.intake.forms import BucketForm
from annotation.intake.import_requests import request_bucket_import
from annotation.models import Campaign


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def import_bucket(request: AuthedRequest, name: str) -> HttpResponse:
    """Ask for an address, or make an import of what is there."""
    campaign = get_object_or_404(Campaign, name=name)
    form = BucketForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            clip_import = request_bucket_import(actor=request.user, campaign=campaign, **form.cleaned_data)
        except GeneratorMissing as refusal:
            form.add_error("generator", str(refusal))
        except UploadRefused as refusal:
            form.add_error("address", str(refusal))
        else:
            messages.success(request, _("Check what would come of the bucket, then start the import."))
            return redirect("clip-import", pk=clip_import.pk)
    context = {"campaign": campaign, "form": form, "has_buckets": bool(settings.S3_KEY_ID and settings.S3_SECRET)}
    return render(request, "annotation/import_bucket.html", context, status=422 if form.errors else 200)
