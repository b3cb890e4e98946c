"""Serve clips and posters by byte range, with types decided by content. `raters.admission` says who may see which.

Django's FileResponse always responds with 200, and a browser then cannot seek. `serve` responds with 206 or 416 to a
single range (several at once get the whole file, as HTTP allows), honours If-Range and the conditional headers, and
caps the response to an open-ended range of a player, so that a paused one does not hold a worker thread. A download
gets the whole rest: `curl -C -` takes a short response for the end of the file.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.access import AuthedRequest, role_required, signed_in
from accounts.models import Role, User
from annotation.models import Clip, ClipVersion
from annotation.raters.admission import list_visible_clips

MEDIA_KINDS = frozenset({"video", "poster", "original"})
CHUNK_BYTES = 64 * 1024
OPEN_RANGE_BYTES = 4 * 1024 * 1024
"""The most bytes of one response to a player's `bytes=n-`; the browser requests the rest when it needs it."""

SNIFF_BYTES = 64
CACHE_SECONDS = 24 * 60 * 60

_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE | re.ASCII)
# If a person opens a file in its own tab, the browser makes a document with one player or picture. This policy lets the
# document show the file and nothing else, and no script runs. It keeps its origin, because the player needs the site's
# cookie when it requests the rest of the video.
_POLICY = "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; sandbox allow-same-origin"
_UNKNOWN_TYPE = ("application/octet-stream", ".bin")


class RangeNotSatisfiable(ValueError):
    """The requested range is wholly outside the file (416)."""


class Content(Protocol):
    """Bytes that can be served by range: their number, their type, and the time of the last change."""

    @property
    def size(self) -> int: ...
    @property
    def modified(self) -> float: ...
    @property
    def content_type(self) -> str: ...
    @property
    def extension(self) -> str: ...
    @property
    def etag(self) -> str: ...
    def read(self, start: int, stop: int) -> Iterable[bytes]:
        """Return the bytes [start, stop) in chunks. Django closes what is returned if it has `close`."""
        ...


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file to serve: path, size, time of the last change, and type by content."""

    path: Path
    size: int
    modified: float
    content_type: str
    extension: str

    @property
    def etag(self) -> str:
        """A strong tag: media files are named by content and never rewritten in place."""
        return f'"{self.path.stem[:64]}-{self.size:x}-{int(self.modified * 1e6):x}"'

    def read(self, start: int, stop: int) -> "FileSlice":
        return FileSlice(self.path.open("rb"), start, stop)


@signed_in
@require_safe
def clip_media(request: AuthedRequest, kind: str, pk: int) -> HttpResponseBase:
    """Send the playable video, the poster, or (leads only, as a download) the original of a clip."""
    return serve_clip(request, request.user, kind, pk)


@role_required(Role.LEAD)
@require_safe
def clip_version_media(request: AuthedRequest, kind: str, pk: int, number: int) -> HttpResponseBase:
    """Send a file that a clip had in an earlier version."""
    version = ClipVersion.objects.select_related("clip").filter(clip=pk, number=number).first()
    if version is None or kind not in MEDIA_KINDS:
        raise Http404(_("This clip has no such version."))
    return _serve_file(request, version, kind, f"{version.clip.clip_id}-version-{number}")


def serve_clip(request: HttpRequest, user: User, kind: str, pk: int) -> HttpResponseBase:
    """Send a file of a clip; raise Http404 if the user may not see it or it does not exist."""
    clip = list_visible_clips(user).filter(pk=pk).first()
    if clip is None or kind not in MEDIA_KINDS or (kind == "original" and not user.has_role(Role.LEAD)):
        raise Http404(_("This clip does not exist, or you may not see it."))
    if not clip.is_ready and kind != "original":
        raise Http404(_("This clip is being prepared. Try again in a moment."))
    return _serve_file(request, clip, kind, clip.clip_id)


def _serve_file(request: HttpRequest, file: Clip | ClipVersion, kind: str, name: str) -> HttpResponseBase:
    paths = {"video": file.playable, "poster": file.poster, "original": file.original}
    return serve(request, open_media(paths[kind]), filename=name, download=kind == "original")


def open_media(name: str, folder: Path | None = None) -> MediaFile:
    """Return the file of that name under MEDIA_ROOT or a folder; raise Http404 if it is missing or outside."""
    root = Path(folder or settings.MEDIA_ROOT).resolve()
    path = (root / name).resolve()
    if not name or not path.is_relative_to(root) or not path.is_file():
        raise Http404(_("The file of this clip is missing from the media folder. Tell a lead."))
    status = path.stat()
    with path.open("rb") as file:
        content_type, extension = detect_type(file.read(SNIFF_BYTES))
    return MediaFile(path, status.st_size, status.st_mtime, content_type, extension)


def detect_type(head: bytes) -> tuple[str, str]:
    """Return media type and extension by the first bytes. An unknown type is only served as a download."""
    if head[4:8] == b"ftyp":
        return ("video/quicktime", ".mov") if head[8:12] == b"qt  " else ("video/mp4", ".mp4")
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return ("video/webm", ".webm") if b"webm" in head else ("video/x-matroska", ".mkv")
    if head[:4] == b"RIFF" and head[8:12] in {b"AVI ", b"WEBP"}:
        return ("video/x-msvideo", ".avi") if head[8:12] == b"AVI " else ("image/webp", ".webp")
    if head[:3] == b"\xff\xd8\xff":
        return "image/jpeg", ".jpg"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "image/png", ".png"
    return _UNKNOWN_TYPE


def serve(request: HttpRequest, media: Content, *, filename: str, download: bool = False) -> HttpResponseBase:
    """Respond to GET or HEAD: with 200, 206, 304, 412 or 416."""
    headers = _make_headers(media, filename, download)
    bare = HttpResponse(headers=headers)
    response = get_conditional_response(request, etag=media.etag, last_modified=int(media.modified), response=bare)
    if response is not bare and response is not None:
        return response
    try:
        span = _read_range(request, media, most=None if download else OPEN_RANGE_BYTES)
    except RangeNotSatisfiable:
        return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{media.size}"})
    start, stop = span or (0, media.size)
    headers["Content-Length"] = str(stop - start)
    if request.method == "HEAD":
        return HttpResponse(headers=headers)
    if span:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{media.size}"
    return StreamingHttpResponse(media.read(start, stop), status=206 if span else 200, headers=headers)


def parse_range(header: str, size: int, *, most: int | None = OPEN_RANGE_BYTES) -> tuple[int, int] | None:
    """Parse a Range header as (start, stop), stop exclusive; None if HTTP says to ignore it and send the whole file.

    An open-ended range stops after `most` bytes. Raises RangeNotSatisfiable for a range that begins at or after the end
    of the file.
    """
    match = _RANGE.fullmatch(header)
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return _parse_suffix(int(last), size)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise RangeNotSatisfiable(header)
    if not last:
        return start, size if most is None else min(start + most, size)
    return start, min(int(last) + 1, size)


def _parse_suffix(length: int, size: int) -> tuple[int, int]:
    if length == 0 or size == 0:
        raise RangeNotSatisfiable(f"bytes=-{length}")
    return max(0, size - length), size


def _read_range(request: HttpRequest, media: Content, *, most: int | None) -> tuple[int, int] | None:
    header = request.headers.get("Range")
    if header is None or request.method != "GET" or not _matches_if_range(request.headers.get("If-Range"), media):
        return None
    return parse_range(header, media.size, most=most)


def _matches_if_range(condition: str | None, media: Content) -> bool:
    """Compare If-Range strongly: with the same tag or the same date the range is sent, else the whole file."""
    return condition is None or condition.strip() in {media.etag, http_date(int(media.modified))}


def _make_headers(media: Content, filename: str, download: bool) -> dict[str, str]:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", filename).strip(".-")[:120] or "clip"
    name = name if name.lower().endswith(media.extension) else name + media.extension
    as_attachment = download or media.content_type == _UNKNOWN_TYPE[0]
    return {
        "Content-Type": media.content_type,
        "Content-Disposition": content_disposition_header(as_attachment, name) or "attachment",
        "Accept-Ranges": "bytes",
        "ETag": media.etag,
        "Last-Modified": http_date(int(media.modified)),
        "Cache-Control": f"private, max-age={CACHE_SECONDS}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": _POLICY,
        "Cross-Origin-Resource-Policy": "same-origin",
    }


class FileSlice:
    """The bytes [start, stop) of a file in chunks; the file closes when Django closes the response."""

    def __init__(self, file: BinaryIO, start: int, stop: int) -> None:
        self._file = file
        self._left = stop - start
        file.seek(start)

    def __iter__(self) -> Iterator[bytes]:
        while self._left > 0 and (chunk := self._file.read(min(CHUNK_BYTES, self._left))):
            self._left -= len(chunk)
            yield chunk

    def close(self) -> None:
        self._file.close()
