"""Archives of releases and presets: a tar whose bytes and length are known before any file is read.

A tar without compression is a header before each file and zeros after it. So any byte range of it can be sent by
reading only the files in that range: a download resumes where it stopped, and nothing is stored or held in memory.
"""

import hashlib
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from datasets.models import Release
from datasets.services.presets import locate_preset
from datasets.services.releases import locate_release
from qsave.release.manifest import MANIFEST_NAME, read_manifest
from qsave.release.presets.write import SUMMARY_FILE
from qsave.release.selection import list_clips, list_data_files

CHUNK_BYTES = 256 * 1024
_BLOCK = tarfile.BLOCKSIZE


class Member(NamedTuple):
    """One file of an archive: its name there, where it is, and its bytes. `mark` changes if its content does."""

    name: str
    path: Path
    size: int
    mark: str


@dataclass(frozen=True, slots=True)
class Archive:
    """A tar of these members, in this order. The same members give the same bytes."""

    name: str
    members: Sequence[Member]
    offsets: Sequence[int]
    """Where the header of each member begins, and then where the last member ends."""
    modified: float
    content_type: str = "application/x-tar"
    extension: str = ".tar"

    @property
    def size(self) -> int:
        return self.offsets[-1] + 2 * _BLOCK

    @property
    def etag(self) -> str:
        content = hashlib.sha256()
        for member in self.members:
            content.update(f"{member.name}\0{member.size}\0{member.mark}\n".encode())
        return f'"{content.hexdigest()}"'

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes [start, stop). Raises OSError if a file is shorter than the archive has promised."""
        for member, begin, end in zip(self.members, self.offsets, self.offsets[1:], strict=False):
            if begin < stop and start < end:
                yield from _cut(_read_member(member, skip=max(0, start - begin)), max(start, begin), stop)
        if stop > self.offsets[-1]:
            yield bytes(stop - max(start, self.offsets[-1]))


def make_archive(name: str, members: Iterable[Member], *, modified: float) -> Archive:
    """Lay the members out in one archive, below a folder `name`."""
    placed = [member._replace(name=f"{name}/{member.name}") for member in members]
    sizes = (len(_make_header(one)) + _pad(one.size) for one in placed)
    return Archive(name, placed, [0, *accumulate(sizes)], modified)


def archive_release(release: Release, *, split: str = "", media: bool = True) -> Archive:
    """Return the archive of a frozen release, or of one split. Raises ReleaseRefused, ReleaseError or OSError."""
    folder = locate_release(release)
    manifest = read_manifest(folder)
    names = list_data_files(manifest, split) + (list_clips(manifest, folder, split) if media else [])
    entries = [(name, manifest["files"][name]) for name in names]
    path = folder / MANIFEST_NAME
    status = path.stat()
    first = Member(MANIFEST_NAME, path, status.st_size, manifest["seal"])
    others = [Member(name, folder / name, entry["bytes"], entry["sha256"]) for name, entry in entries]
    return make_archive(release.folder, [first, *others], modified=status.st_mtime)


def archive_preset(release: Release, preset: str) -> Archive:
    """Return the archive of a written preset. Raises OSError if a file of it is missing."""
    folder = locate_preset(release, preset)
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    members = [_stat_member(folder, path) for path in paths]
    return make_archive(folder.name, members, modified=(folder / SUMMARY_FILE).stat().st_mtime)


def _stat_member(folder: Path, path: Path) -> Member:
    status = path.stat()
    return Member(path.relative_to(folder).as_posix(), path, status.st_size, str(status.st_mtime_ns))


def _make_header(member: Member) -> bytes:
    """Return the header of a file: the same on every machine, without times and owners."""
    info = tarfile.TarInfo(member.name)
    info.size = member.size
    return info.tobuf(tarfile.PAX_FORMAT)


def _pad(size: int) -> int:
    """Return the size of a content that is filled up to whole blocks."""
    return -(-size // _BLOCK) * _BLOCK


def _read_member(member: Member, *, skip: int) -> Iterator[bytes]:
    """Yield header, content and padding of a member, without the first `skip` bytes."""
    header = _make_header(member)
    yield header[skip:]
    position = max(0, skip - len(header))
    if position < member.size:
        with member.path.open("rb") as file:
            file.seek(position)
            while position < member.size:
                chunk = file.read(min(CHUNK_BYTES, member.size - position))
                if not chunk:
                    raise OSError(f"{member.path} is shorter than {member.size} bytes; the download stops here.")
                position += len(chunk)
                yield chunk
    yield bytes(_pad(member.size) - position)


def _cut(chunks: Iterable[bytes], position: int, stop: int) -> Iterator[bytes]:
    """Yield chunks that begin at `position` until `stop`."""
    for chunk in chunks:
        if position >= stop:
            return
        yield chunk[: stop - position]
        position += len(chunk)
