"""Serving clips and posters: byte ranges, permissions, and types decided by content.

Django's FileResponse always answers 200, and a browser then cannot seek. What is here answers 206 and 416 to a single
range (several at once get the whole file, as HTTP allows), honours If-Range and the conditional headers, and caps what
one answer to an open-ended range carries, so that a paused player gives its worker thread back.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.access import AuthedRequest, signed_in
from accounts.models import Role
from annotation.raters.admission import list_visible_clips

CHUNK_BYTES = 64 * 1024
OPEN_RANGE_BYTES = 4 * 1024 * 1024
"""The most that one answer to `bytes=n-` carries; the browser asks for the rest when it needs it."""

SNIFF_BYTES = 64
CACHE_SECONDS = 24 * 60 * 60

_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE | re.ASCII)
# Opened by itself, a file is a document of one player or picture that the browser makes. It may show the file and no
# more. Its origin stays: the player asks for the rest of the video with the cookie of the site. Scripts never run.
_POLICY = "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; sandbox allow-same-origin"
_UNKNOWN_TYPE = ("application/octet-stream", ".bin")


class RangeNotSatisfiable(ValueError):
    """The range asked for lies wholly outside the file (416)."""


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file to serve: where it lies, how long it is, and what its bytes say it is."""

    path: Path
    size: int
    modified: float
    content_type: str
    extension: str

    @property
    def etag(self) -> str:
        """Strong: names this content (media files are named by content and never rewritten in place)."""
        return f'"{self.path.stem[:64]}-{self.size:x}-{int(self.modified * 1e6):x}"'


@signed_in
@require_safe
def clip_media(request: AuthedRequest, kind: str, pk: int) -> HttpResponseBase:
    """The playable video, the poster, or (leads only, as a download) the original of a clip that the user may see."""
    clip = list_visible_clips(request.user).filter(pk=pk).first()
    if clip is None or (kind == "original" and not request.user.has_role(Role.LEAD)):
        raise Http404(_("There is no such clip among those you may see."))
    names = {"video": clip.playable, "poster": clip.poster, "original": clip.original}
    return serve(request, open_media(names.get(kind, "")), filename=clip.clip_id, download=kind == "original")


def open_media(name: str) -> MediaFile:
    """The file of that name under MEDIA_ROOT; Http404 where it is missing or would lie outside."""
    root = Path(settings.MEDIA_ROOT).resolve()
    path = (root / name).resolve()
    if not name or not path.is_relative_to(root) or not path.is_file():
        raise Http404(_("The file of this clip is missing from the media folder. Tell a lead."))
    status = path.stat()
    with path.open("rb") as file:
        content_type, extension = sniff(file.read(SNIFF_BYTES))
    return MediaFile(path, status.st_size, status.st_mtime, content_type, extension)


def sniff(head: bytes) -> tuple[str, str]:
    """Media type and extension by the first bytes; what is not known media is only ever handed out as a download."""
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


def serve(request: HttpRequest, media: MediaFile, *, filename: str, download: bool = False) -> HttpResponseBase:
    """An answer to GET or HEAD: 200, 206, 304, 412 or 416."""
    headers = _headers(media, filename, download)
    bare = HttpResponse(headers=headers)
    answer = get_conditional_response(request, etag=media.etag, last_modified=int(media.modified), response=bare)
    if answer is not bare and answer is not None:
        return answer
    try:
        span = _asked_range(request, media)
    except RangeNotSatisfiable:
        return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{media.size}"})
    start, stop = span or (0, media.size)
    headers["Content-Length"] = str(stop - start)
    if request.method == "HEAD":
        return HttpResponse(headers=headers)
    if span:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{media.size}"
    piece = _Slice(media.path.open("rb"), start, stop)
    return StreamingHttpResponse(piece, status=206 if span else 200, headers=headers)


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """A Range header as (start, stop), stop exclusive; None where HTTP says to ignore it and send the whole file.

    Raises RangeNotSatisfiable for a range that begins at or after the end of the file.
    """
    match = _RANGE.fullmatch(header)
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return _suffix(int(last), size)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise RangeNotSatisfiable(header)
    stop = int(last) + 1 if last else start + OPEN_RANGE_BYTES
    return start, min(stop, size)


def _suffix(length: int, size: int) -> tuple[int, int]:
    if length == 0 or size == 0:
        raise RangeNotSatisfiable(f"the last {length} bytes of {size}")
    return max(0, size - length), size


def _asked_range(request: HttpRequest, media: MediaFile) -> tuple[int, int] | None:
    header = request.headers.get("Range")
    if header is None or request.method != "GET" or not _if_range_holds(request.headers.get("If-Range"), media):
        return None
    return parse_range(header, media.size)


def _if_range_holds(condition: str | None, media: MediaFile) -> bool:
    """If-Range compares strongly: the very tag or the very date, else the whole file is sent."""
    return condition is None or condition.strip() in {media.etag, http_date(int(media.modified))}


def _headers(media: MediaFile, filename: str, download: bool) -> dict[str, str]:
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


class _Slice:
    """The bytes [start, stop) of a file in chunks; closes the file when Django closes the answer."""

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
