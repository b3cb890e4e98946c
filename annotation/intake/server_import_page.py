"""The page that imports a folder of the server."""

from typing import Any

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
from annotation.intake.forms import ServerFolderForm
from annotation.intake.import_requests import request_server_import
from annotation.intake.server_folders import ServerFolder, read_folder
from annotation.models import Campaign


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def import_server_folder(request: AuthedRequest, name: str) -> HttpResponse:
    """List a folder of the server, or make an import of it."""
    campaign = get_object_or_404(Campaign, name=name)
    form = ServerFolderForm(request.POST if request.method == "POST" else request.GET)
    place: dict[str, Any] = form.cleaned_data if form.is_valid() else {"root": 0, "path": "", "generator": ""}
    if request.method == "POST" and not form.errors:
        try:
            clip_import = request_server_import(actor=request.user, campaign=campaign, **place)
        except GeneratorMissing as refusal:
            form.add_error("generator", str(refusal))
        except UploadRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Check what would come of the folder, then start the import."))
            return redirect("clip-import", pk=clip_import.pk)
    folder = _read_folder(form, place["root"], place["path"])
    if request.method != "POST" and folder is not None:
        form.data = place | {"generator": folder.generator}
    roots = [root.name for root in settings.IMPORT_ROOTS]
    context = {"campaign": campaign, "form": form, "roots": roots, "root": place["root"], "folder": folder}
    return render(request, "annotation/import_server_folder.html", context, status=422 if form.errors else 200)


def _read_folder(form: ServerFolderForm, root: int, path: str) -> ServerFolder | None:
    try:
        return read_folder(root, path) if settings.IMPORT_ROOTS else None
    except UploadRefused as refusal:
        if not form.errors:
            form.add_error(None, str(refusal))
        return None
