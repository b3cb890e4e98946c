"""Store media files under MEDIA_ROOT, named by their hash.

A file is copied and hashed in one pass into a work folder under MEDIA_ROOT, probed there, and then moved to its name.
So the hashed bytes are those that are probed and served, and a crash leaves no partial file under a final name.
"""

import hashlib
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings

from annotation.intake.manifests import RowRefused
from qsave.frames.container import MAX_BYTES
from qsave.frames.probe import MediaFacts

CHUNK = 1024**2
INCOMING = "incoming"
STALE_SECONDS = 24 * 3600
_TOO_LARGE = f"The video has more than the allowed {MAX_BYTES} bytes."
_WEB_CODECS = frozenset({"vp8", "vp9", "av1", "libdav1d"})


@contextmanager
def open_incoming_folder(owner: str = "") -> Iterator[Path]:
    """Create a work folder under MEDIA_ROOT for the body; delete work folders older than a day.

    If this process is killed, the folder is left: `delete_incoming_folders` deletes those of an owner.
    """
    root = Path(settings.MEDIA_ROOT) / INCOMING
    root.mkdir(parents=True, exist_ok=True)
    for old in root.iterdir():
        if time.time() - old.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    with TemporaryDirectory(dir=root, prefix=f"{owner}-") as folder:
        yield Path(folder)


def delete_incoming_folders(owner: str) -> None:
    """Delete the work folders of an owner whose processes have ended."""
    for folder in (Path(settings.MEDIA_ROOT) / INCOMING).glob(f"{owner}-*"):
        shutil.rmtree(folder, ignore_errors=True)


def open_plainly(path: Path) -> BufferedReader:
    return path.open("rb")


def copy_and_hash(source: Path, target: Path, open_source: Callable[[Path], BufferedReader] = open_plainly) -> str:
    """Copy a file and return the SHA-256 of the copy; raises RowRefused if it is unreadable or too large."""
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as out:
        for chunk in _read_chunks(source, open_source):
            size += len(chunk)
            if size > MAX_BYTES:
                raise RowRefused(_TOO_LARGE)
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def _read_chunks(source: Path, open_source: Callable[[Path], BufferedReader]) -> Iterator[bytes]:
    try:
        with open_source(source) as stream:
            if os.fstat(stream.fileno()).st_size > MAX_BYTES:  # before it fills the disk
                raise RowRefused(_TOO_LARGE)
            while chunk := stream.read(CHUNK):
                yield chunk
    except OSError as error:
        raise RowRefused(f"video cannot be read: {error.strerror}.") from None


def move_into_store(path: Path, kind: str, sha256: str, extension: str) -> str:
    """Move a finished file to its name in the store; return its path under MEDIA_ROOT.

    A file that already has this name has the same content, because the name is its hash.
    """
    name = f"{kind}/{sha256[:2]}/{sha256}{extension}"
    target = Path(settings.MEDIA_ROOT) / name
    for folder in (target.parent.parent, target.parent):
        _make_shared_folder(folder)
    path.chmod(settings.FILE_UPLOAD_PERMISSIONS)
    path.replace(target)
    return name


def _make_shared_folder(folder: Path) -> None:
    """Create a folder that the group of MEDIA_ROOT may enter, whatever the umask is."""
    try:
        folder.mkdir()
    except FileExistsError:
        return
    inherited = folder.stat().st_mode & stat.S_ISGID
    folder.chmod(settings.FILE_UPLOAD_DIRECTORY_PERMISSIONS | inherited)


def choose_extension(facts: MediaFacts) -> str:
    """Return the extension that fits the content, not the file's name."""
    if facts.container == "matroska":
        return ".webm" if facts.codec in _WEB_CODECS else ".mkv"
    return {"mov": ".mp4", "avi": ".avi", "gif": ".gif"}[facts.container]
