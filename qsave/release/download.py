"""Get files of a site with a token, each checked by its sha256. An interrupted file is resumed where it stopped."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from qsave.files import sync_to_disk
from qsave.release.encoding import ReleaseError
from qsave.release.manifest import hash_file

TIMEOUT_SECONDS = 60
PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds to wait after a broken connection, if no byte came since the last one."""
CHUNK_BYTES = 256 * 1024
UNFINISHED = ".part"
"""The ending of a file that is not complete yet."""
_PARTIAL, _REDIRECTS, _TOO_MANY, _SERVER_ERRORS = 206, range(300, 400), 429, 500
_REMEDIES = {
    401: "Make a token on your account page and put it into QSAVE_TOKEN or the file of --token-file.",
    403: "Releases are for the role engineer: ask a lead for it.",
    404: "Check the number in the address, and for a preset that it is written.",
}

Report = Callable[[int], None]
"""Is called with the number of bytes that came; negative if earlier ones have to come again."""


class BrokenConnectionError(Exception):
    """The site could not be reached, or stopped in the middle. Another attempt may succeed."""


class StoppedError(Exception):
    """Another download has failed, so this one stopped."""


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirect, because the token would go to whatever address the answer names."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Site:
    """A site, by the address of its API, and the token that it knows."""

    api: str
    token: str = field(repr=False)
    stopped: threading.Event = field(default_factory=threading.Event)
    """Set to end all downloads."""
    _opener: OpenerDirector = field(default_factory=lambda: build_opener(_NoRedirects))

    def read(self, path: str) -> bytes:
        """Return the content of a small file. Raises ReleaseError."""
        try:
            with self._open(path, 0) as answer:
                return answer.read()
        except (BrokenConnectionError, HTTPException, OSError) as error:
            raise ReleaseError(f"{self.api} cannot be reached: {error}.") from None

    def download(self, path: str, target: Path, *, sha256: str, size: int, report: Report) -> None:
        """Get a file, or the rest of it. It has its name only once its bytes are checked.

        Raises ReleaseError if the site refuses it or sends other bytes, OSError if the disk does.
        """
        unfinished = target.with_name(target.name + UNFINISHED)
        for _attempt in range(2):  # a part of an earlier download may be damaged, so begin once more from nothing
            self._complete(path, unfinished, size, report)
            if unfinished.stat().st_size == size and hash_file(unfinished) == sha256:
                sync_to_disk(unfinished)
                unfinished.replace(target)
                return
            report(-unfinished.stat().st_size)
            unfinished.unlink()
        raise ReleaseError(
            f"{self.api}{path} is not the file that the release lists (its sha256 or its size differs). "
            "Verify the release on its page."
        )

    def _complete(self, path: str, unfinished: Path, size: int, report: Report) -> None:
        """Append what is missing, again after each broken connection that brought some bytes."""
        unfinished.touch()
        failures = 0
        while (before := unfinished.stat().st_size) < size:
            try:
                self._append(path, unfinished, size, report)
                problem = "it ended too early"
            except BrokenConnectionError as error:
                problem = str(error)
            if unfinished.stat().st_size > before:
                failures = 0
            elif failures == len(PAUSES):
                raise ReleaseError(
                    f"The connection to {self.api} broke {failures + 1} times: {problem}. What came stays: run the "
                    "same command again to resume."
                )
            else:
                self._pause(PAUSES[failures])
                failures += 1

    def _append(self, path: str, unfinished: Path, size: int, report: Report) -> None:
        """Append what one request brings, up to one byte more than the file should have."""
        position = unfinished.stat().st_size
        with self._open(path, position) as answer, unfinished.open("ab", buffering=0) as file:
            if position and answer.status != _PARTIAL:
                file.truncate(0)
                report(-position)
                position = 0
            while position <= size and (chunk := _read_chunk(answer, min(CHUNK_BYTES, size + 1 - position))):
                if self.stopped.is_set():
                    raise StoppedError
                file.write(chunk)
                position += len(chunk)
                report(len(chunk))

    def _open(self, path: str, position: int) -> HTTPResponse:
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Range": f"bytes={position}-"} if position else {})
        request = Request(self.api + quote(path), headers=headers)  # noqa: S310 - the address is checked to be http(s)
        try:
            answer: HTTPResponse = self._opener.open(request, timeout=TIMEOUT_SECONDS)
        except HTTPError as error:
            with error:
                raise _explain(error, request.full_url) from None
        except (URLError, HTTPException, OSError) as error:
            raise BrokenConnectionError(str(getattr(error, "reason", "") or error)) from None
        return answer

    def _pause(self, seconds: float) -> None:
        if self.stopped.wait(seconds):
            raise StoppedError


def _read_chunk(answer: HTTPResponse, size: int) -> bytes:
    """Return what has come, without waiting for more, so that it is on the disk before the connection can break."""
    try:
        return answer.read1(size)
    except (HTTPException, OSError) as error:
        raise BrokenConnectionError(str(error) or type(error).__name__) from None


def _explain(error: HTTPError, address: str) -> Exception:
    """Return the exception for an answer that is not a file."""
    if error.code == _TOO_MANY or error.code >= _SERVER_ERRORS:
        return BrokenConnectionError(f"it answered {error.code}")
    if error.code in _REDIRECTS:
        return ReleaseError(
            f"{address} moved to {error.headers.get('Location')}. Use that address if you trust it: the token is sent "
            "to no other address than the one that you name."
        )
    detail = _read_detail(error)
    sentences = (f"{address} answered {error.code}.", detail, _REMEDIES.get(error.code))
    return ReleaseError(" ".join(filter(None, sentences)))


def _read_detail(error: HTTPError) -> str:
    """Return the sentence of the site; empty if the answer has none."""
    try:
        answer = json.loads(error.read(CHUNK_BYTES))
    except (ValueError, HTTPException, OSError):
        return ""
    detail = answer.get("detail") if isinstance(answer, dict) else None
    return detail if isinstance(detail, str) else ""
