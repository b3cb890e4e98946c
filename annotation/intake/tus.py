"""Receive resumable uploads by the tus protocol 1.0.0 (https://tus.io/protocols/resumable-upload).

Core, and the extensions creation, creation-with-upload, expiration and termination. A lead reaches their own uploads
only. Every refusal is a sentence, as JSON.
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.intake import upload_store
from annotation.intake.archives import CHUNK, MAX_BYTES, UploadRefused
from annotation.intake.upload_store import (
    DiskFull,
    OffsetConflict,
    Upload,
    UploadBusy,
    UploadMissing,
    UploadTooLarge,
)
from annotation.models import Campaign

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,termination"
CONTENT_TYPE = "application/offset+octet-stream"
STATUSES: dict[type[Exception], int] = {
    UploadMissing: 404,
    OffsetConflict: 409,
    UploadTooLarge: 413,
    UploadBusy: 423,
    DiskFull: 507,
    UploadRefused: 400,
}
"""The status of each refusal; the first class that fits decides."""

P = ParamSpec("P")
TusView = Callable[Concatenate[AuthedRequest, P], HttpResponse]


def speaks_tus(view: TusView[P]) -> TusView[P]:
    """Check the version of the protocol, name ours, and turn refusals into responses."""

    @wraps(view)
    def answer(request: AuthedRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.method == "POST":
            request.method = request.headers.get("X-HTTP-Method-Override") or request.method
        if request.method != "OPTIONS" and request.headers.get("Tus-Resumable") != VERSION:
            response = _refuse(
                412, _("This upload needs version %(version)s of the tus protocol.") % {"version": VERSION}
            )
        else:
            response = _answer(view, request, *args, **kwargs)
        for header, value in (("Tus-Resumable", VERSION), ("Tus-Version", VERSION), ("Cache-Control", "no-store")):
            response.headers[header] = value
        return response

    return answer


def _answer(view: TusView[P], request: AuthedRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
    try:
        return view(request, *args, **kwargs)
    except tuple(STATUSES) as refusal:
        status = next(status for kind, status in STATUSES.items() if isinstance(refusal, kind))
        return _refuse(status, str(refusal.args[0]))


@role_required(Role.LEAD)
@require_http_methods(["OPTIONS", "POST"])
@speaks_tus
def uploads(request: AuthedRequest, name: str) -> HttpResponse:
    """Create an upload for an import into a campaign, with its first bytes if the request has some."""
    if request.method == "OPTIONS":
        return HttpResponse(status=204, headers={"Tus-Extension": EXTENSIONS, "Tus-Max-Size": str(MAX_BYTES)})
    campaign = get_object_or_404(Campaign, name=name)
    length = _read_number(request, "Upload-Length")
    metadata = parse_metadata(request.headers.get("Upload-Metadata", ""))
    upload = upload_store.create_upload(
        actor=request.user,
        campaign=campaign,
        path=metadata.get("relativePath") or metadata.get("filename", ""),
        length=length,
        modified=metadata.get("modified", ""),
    )
    if request.content_type == CONTENT_TYPE:
        upload_store.append(upload, 0, _read_chunks(request))
    return _describe(upload, 201, Location=reverse("upload", args=[upload.key]))


@role_required(Role.LEAD)
@require_http_methods(["OPTIONS", "HEAD", "POST", "PATCH", "DELETE"])
@speaks_tus
def upload(request: AuthedRequest, key: str) -> HttpResponse:
    """Say how far an upload is (HEAD), add bytes to its end (PATCH), or discard it (DELETE).

    A POST names one of these methods in a header.
    """
    if request.method == "OPTIONS":
        return HttpResponse(status=204, headers={"Tus-Extension": EXTENSIONS, "Tus-Max-Size": str(MAX_BYTES)})
    upload = upload_store.find_upload(request.user, key)
    if request.method == "HEAD":
        return _describe(upload, 200, **{"Upload-Length": str(upload.about.length)})
    if request.method == "DELETE":
        upload_store.discard_upload(upload)
        return HttpResponse(status=204)
    if request.method != "PATCH":
        return _refuse(405, _("An upload takes HEAD, PATCH and DELETE."))
    if request.content_type != CONTENT_TYPE:
        return _refuse(415, _("The bytes of an upload have the content type %(format)s.") % {"format": CONTENT_TYPE})
    upload_store.append(upload, _read_number(request, "Upload-Offset"), _read_chunks(request))
    return _describe(upload, 204)


def parse_metadata(header: str) -> dict[str, str]:
    """Read Upload-Metadata: keys, each with its value in Base64, separated by commas. Raises UploadRefused."""
    pairs = [pair.strip().partition(" ") for pair in header.split(",") if pair.strip()]
    try:
        return {key: base64.b64decode(value, validate=True).decode() for key, _space, value in pairs}
    except (ValueError, binascii.Error):
        raise UploadRefused(_("The header Upload-Metadata cannot be read.")) from None


def _read_number(request: HttpRequest, header: str) -> int:
    value = request.headers.get(header, "")
    if not (value.isascii() and value.isdigit() and len(value) < 20):
        raise UploadRefused(_("The header %(header)s must be a whole number.") % {"header": header})
    return int(value)


def _read_chunks(request: HttpRequest) -> Iterator[bytes]:
    """Yield the body in pieces, up to where a client that vanishes stops."""
    try:
        while chunk := request.read(CHUNK):
            yield chunk
    except UnreadablePostError:
        return


def _describe(upload: Upload, status: int, **headers: str) -> HttpResponse:
    state = {"Upload-Offset": str(upload.offset), "Upload-Expires": http_date(upload.expires_at)}
    return HttpResponse(status=status, headers=state | headers)


def _refuse(status: int, words: str) -> HttpResponse:
    return JsonResponse({"message": words}, status=status)
