"""Store uploads that can be resumed: each is a folder with its bytes and a description.

The size of the file of bytes is the offset at which the upload continues. So whatever is written survives a server that
is killed, and nothing has to be repaired. Names that people chose are data in the description, not names on this disk.
"""

import fcntl
import json
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from errno import EDQUOT, ENOSPC
from io import FileIO
from pathlib import Path
from typing import Self

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import User
from annotation.intake.archives import MAX_BYTES, UploadRefused, leads_outside
from annotation.models import Campaign
from qsave.words import isolate

EXPIRY_SECONDS = 24 * 3600
GIGABYTE = 1024**3
MAX_PATH = 1_000
FULL_DISK = frozenset({ENOSPC, EDQUOT})
_BYTES, _DESCRIPTION = "bytes", "about.json"


class UploadMissing(LookupError):
    """There is no such upload of this person: it never existed, is finished, discarded or expired."""


class UploadTooLarge(UploadRefused):
    """The upload has more bytes than are allowed, or than it announced."""


class DiskFull(UploadRefused):
    """The disk has no room for the upload. What arrived stays."""


class OffsetConflict(ValueError):
    """The bytes do not begin where the upload ends."""


class UploadBusy(ValueError):
    """Another request is writing to the upload."""


@dataclass(frozen=True, slots=True)
class Description:
    """What an upload is: its campaign's key, the path that it has in the chosen folder, and its size in bytes.

    `modified` is when the file was last changed, as the browser says: the same file is recognised by it.
    """

    campaign: int
    path: str
    length: int
    modified: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    folder: Path
    about: Description

    @property
    def key(self) -> str:
        return self.folder.name

    @property
    def content(self) -> Path:
        return self.folder / _BYTES

    @property
    def offset(self) -> int:
        return self.content.stat().st_size

    @property
    def is_complete(self) -> bool:
        return self.offset == self.about.length

    @property
    def expires_at(self) -> float:
        """Return when the upload is deleted, in seconds since the epoch."""
        return self.content.stat().st_mtime + EXPIRY_SECONDS

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read an upload from its folder; raises UploadMissing."""
        try:
            return cls(folder, Description(**json.loads((folder / _DESCRIPTION).read_text())))
        except (OSError, ValueError, TypeError):
            raise UploadMissing(_("This upload does not exist any more. Start it again.")) from None


def create_upload(*, actor: User, campaign: Campaign, path: str, length: int, modified: str = "") -> Upload:
    """Create an empty upload. Raises UploadRefused for a hostile name, too many bytes, or a full disk."""
    about = Description(campaign.pk, _check_path(path), length, modified[:40])
    root = _get_root(actor)
    if length > MAX_BYTES:
        raise UploadTooLarge(
            _("%(name)s has more than %(most)s GB, the most for one file. Split it.")
            % {"name": isolate(about.path), "most": MAX_BYTES // GIGABYTE}
        )
    root.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(root).free < length:
        raise _make_disk_error(about.path)
    folder = root / uuid.uuid4().hex
    with _name_full_disk(about.path):
        folder.mkdir()
        (folder / _BYTES).touch()
        (folder / _DESCRIPTION).write_text(json.dumps(asdict(about)))
    return Upload(folder, about)


def find_upload(actor: User, key: str) -> Upload:
    """Return an upload of this person. Raises UploadMissing."""
    upload = Upload.read(_get_root(actor) / key) if key.isalnum() else None
    if upload is None or upload.expires_at < time.time():
        raise UploadMissing(_("This upload does not exist any more. Start it again."))
    return upload


def list_uploads(actor: User, campaign: Campaign) -> list[Upload]:
    """List this person's uploads for a campaign that are not part of an import yet, in the order of their paths."""
    uploads = [upload for upload in _read_all(_get_root(actor)) if upload.about.campaign == campaign.pk]
    return sorted(uploads, key=lambda upload: upload.about.path)


def append(upload: Upload, offset: int, chunks: Iterable[bytes]) -> int:
    """Write bytes to the end of an upload, which must be at `offset`; return the new offset.

    What arrives before an error stays. Raises OffsetConflict, UploadBusy, UploadTooLarge or DiskFull.
    """
    with _name_full_disk(upload.about.path), upload.content.open("ab", buffering=0) as out:
        try:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UploadBusy(_("Another request is writing to this upload.")) from None
        if out.tell() != offset:
            raise OffsetConflict(_("This upload continues at byte %(offset)s.") % {"offset": out.tell()})
        for chunk in chunks:
            if out.tell() + len(chunk) > upload.about.length:
                raise UploadTooLarge(
                    _("%(name)s has more bytes than announced.") % {"name": isolate(upload.about.path)}
                )
            _write(out, chunk)
        return out.tell()


def discard_upload(upload: Upload) -> None:
    shutil.rmtree(upload.folder, ignore_errors=True)


def discard_expired_uploads() -> None:
    """Delete the uploads of everybody to which nothing was written for a day."""
    for person in _list_folders(_get_root()):
        for folder in _list_folders(person):
            if _is_expired(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _get_root(actor: User | None = None) -> Path:
    root = Path(settings.VAR_DIR) / "resumable"
    return root / str(actor.pk) if actor else root


def _list_folders(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _read_all(root: Path) -> Iterator[Upload]:
    for folder in _list_folders(root):
        try:
            upload = Upload.read(folder)
            if upload.expires_at >= time.time():
                yield upload
        except (UploadMissing, FileNotFoundError):  # it is being created or deleted
            continue


def _is_expired(folder: Path) -> bool:
    content = folder / _BYTES
    try:
        written_at = (content if content.exists() else folder).stat().st_mtime
    except FileNotFoundError:  # another request deleted it meanwhile
        return False
    return time.time() - written_at > EXPIRY_SECONDS


def _check_path(path: str) -> str:
    """Return the path with slashes; raise UploadRefused if it leads out of its folder or is too long."""
    simple = path.replace("\\", "/").removeprefix("./")
    if leads_outside(simple) or simple.endswith("/"):
        raise UploadRefused(
            _("%(name)s leads out of the chosen folder. Rename the file.") % {"name": isolate(repr(path[:200]))}
        )
    if len(simple) > MAX_PATH:
        raise UploadRefused(
            _(
                "%(name)s… is too long for a path (%(count)s characters; at most %(most)s). Shorten the names of its "
                "folders."
            )
            % {"name": isolate(simple[:60]), "count": len(simple), "most": MAX_PATH}
        )
    return simple


def _write(out: FileIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[out.write(rest) :]


@contextmanager
def _name_full_disk(path: str) -> Iterator[None]:
    """Turn the error of a full disk in the block into DiskFull."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        raise _make_disk_error(path) from None


def _make_disk_error(path: str) -> DiskFull:
    return DiskFull(
        _(
            "The site's disk has no room for %(name)s. What has arrived stays: ask an operator to make room, then "
            "resume."
        )
        % {"name": isolate(path)}
    )
