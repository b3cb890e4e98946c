"""The page that starts an import: choose files or folders, and send them."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import AuthedRequest, role_required
from accounts.models import Role, User
from annotation.intake import upload_store
from annotation.intake.archives import MAX_BYTES, MAX_FILES, UploadRefused
from annotation.intake.folder_manifests import GeneratorMissing
from annotation.intake.forms import ImportForm
from annotation.intake.uploads import import_folder, receive_files
from annotation.models import Campaign, ClipImport

GIGABYTE = 1024**3
PIECE_BYTES = 16 * 1024**2
"""How many bytes of a file a browser sends in one request."""


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def import_clips(request: AuthedRequest, name: str) -> HttpResponse:
    """Show the ways in; make an import of the files that are sent, or that have arrived as resumable uploads."""
    campaign = get_object_or_404(Campaign, name=name)
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    if form.is_bound and form.is_valid():
        try:
            clip_import = _request_import(request.user, campaign, **form.cleaned_data)
        except GeneratorMissing as refusal:
            form.add_error("generator", str(refusal))
        except (UploadRefused, upload_store.UploadMissing) as refusal:
            form.add_error("sent", str(refusal))
        else:
            messages.success(request, _("Files uploaded. Check what would come of them, then start the import."))
            return redirect("clip-import", pk=clip_import.pk)
    context = _read_context(request.user, campaign) | {"form": form}
    return render(request, "annotation/import_clips.html", context, status=422 if form.errors else 200)


def _request_import(actor: User, campaign: Campaign, sent: list[Any], generator: str, uploads: str) -> ClipImport:
    arrived = [upload_store.find_upload(actor, key) for key in dict.fromkeys(uploads.split())]
    manifest = receive_files(sent, arrived, generator=generator)
    clip_import = import_folder(actor=actor, campaign=campaign, source=ClipImport.Source.UPLOAD, manifest=manifest)
    for upload in arrived:
        upload_store.discard_upload(upload)
    return clip_import


@role_required(Role.LEAD)
@require_POST
def discard_uploads(request: AuthedRequest, name: str) -> HttpResponse:
    """Delete the person's uploads for a campaign that are not part of an import."""
    campaign = get_object_or_404(Campaign, name=name)
    for upload in upload_store.list_uploads(request.user, campaign):
        upload_store.discard_upload(upload)
    messages.success(request, _("Uploaded files discarded."))
    return redirect("import-clips", name=name)


def _read_context(actor: User, campaign: Campaign) -> dict[str, Any]:
    unfinished = upload_store.list_uploads(actor, campaign)
    return {
        "campaign": campaign,
        "has_buckets": bool(settings.S3_KEY_ID),
        "has_server_folders": bool(settings.IMPORT_ROOTS),
        "unfinished": [_describe(upload) for upload in unfinished],
        "arrived_bytes": sum(upload.offset for upload in unfinished),
        "all_bytes": sum(upload.about.length for upload in unfinished),
        "piece_bytes": PIECE_BYTES,
        "most_files": MAX_FILES,
        "most_words": f"{MAX_FILES:,}",
        "max_gigabytes": MAX_BYTES // GIGABYTE,
    }


def _describe(upload: upload_store.Upload) -> dict[str, object]:
    """Return what the browser needs to recognise the file of an upload."""
    about = upload.about
    url = reverse("upload", args=[upload.key])
    return {"url": url, "path": about.path, "size": about.length, "modified": about.modified, "offset": upload.offset}
