"""Download the videos of an import from a bucket, one at a time."""

import shutil
import weakref
from io import BufferedReader
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp

from django.conf import settings

from annotation.intake.archives import leads_outside
from annotation.intake.buckets import DENIED, MISSING, BucketAddress, list_errors, open_client, read_code
from annotation.intake.manifests import RowRefused
from annotation.intake.media_store import INCOMING
from annotation.intake.upload_store import FULL_DISK
from annotation.intake.video_folder import BucketStopped
from qsave.frames.container import MAX_BYTES


class BucketFolder:
    """The objects below an address. `find` downloads one into a work folder of `owner`; the next call overwrites it."""

    def __init__(self, address: str, owner: str) -> None:
        self._address = BucketAddress.parse(address)
        self._client = open_client()
        incoming = Path(settings.MEDIA_ROOT) / INCOMING
        incoming.mkdir(parents=True, exist_ok=True)
        self._folder = Path(mkdtemp(dir=incoming, prefix=f"{owner}-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def find(self, name: str) -> Path:
        """Download the object that a row names. Raises RowRefused, or BucketStopped if the bucket does not answer."""
        target = self._folder / "download"
        path = name_object(name)
        try:
            self._download(path, target)
        except list_errors() as error:
            raise explain_row(error, name) from None
        return target

    def open(self, path: Path) -> BufferedReader:
        return path.open("rb")

    def _download(self, path: str, target: Path) -> None:
        answer = self._client.get_object(Bucket=self._address.bucket, Key=self._address.prefix + path)
        if answer["ContentLength"] > MAX_BYTES:
            raise RowRefused(f"The video has more than the allowed {MAX_BYTES} bytes.")
        with target.open("wb") as out:
            for chunk in answer["Body"].iter_chunks(1024 * 1024):
                out.write(chunk)


def name_object(name: str) -> str:
    """Return the path below the address of the object that a row names. Raises RowRefused if it leads elsewhere."""
    if leads_outside(name):
        raise RowRefused(f"video leads out of the bucket's folder: {name[:200]!r}.")
    return str(PurePosixPath(name))


def refuse_missing_object(name: str) -> RowRefused:
    return RowRefused(f"video does not exist in the bucket: {name[:200]!r}.")


def explain_row(error: Exception, name: str) -> Exception:
    if isinstance(error, OSError) and (error.filename or error.errno in FULL_DISK):
        return error  # of our disk
    code = read_code(error)
    if code in MISSING:
        return refuse_missing_object(name)
    if code in DENIED:
        return RowRefused(f"video may not be read with the site's keys for the bucket: {name[:200]!r}.")
    return BucketStopped(0, "The bucket does not answer")
