"""Find the files of an import and their sizes before any of them is read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import Protocol

from annotation.intake.bucket_videos import name_object, refuse_missing_object
from annotation.intake.buckets import BucketAddress, list_sizes
from annotation.intake.folder_manifests import ROWS_FILE
from annotation.intake.folder_rows import is_hidden
from annotation.intake.row_work import open_folder
from annotation.intake.video_folder import VideoFolder
from annotation.models import ClipImport


@dataclass(frozen=True, slots=True)
class ArrivedFile:
    """A file that a row names: its path in the folder of the import, and its bytes; `open` is None in a bucket."""

    name: str
    size: int
    open: Callable[[], BufferedReader] | None


class ArrivedFiles(Protocol):
    """The files of an import."""

    def find(self, name: str) -> ArrivedFile:
        """Return the file that a row names. Raises RowRefused with the reason that the import would give."""

    def list_names(self) -> Iterator[str]:
        """Yield the paths of all files that rows may name."""


class FolderFiles:
    """The files of a folder on this host."""

    def __init__(self, folder: VideoFolder, root: Path, manifest: Path) -> None:
        self._folder, self._root, self._manifest = folder, root, manifest

    def find(self, name: str) -> ArrivedFile:
        path = self._folder.find(name)
        return ArrivedFile(self._folder.get_name(path), path.stat().st_size, partial(self._folder.open, path))

    def list_names(self) -> Iterator[str]:
        return (name for name, path in self._folder.list_files() if path != self._manifest)


class BucketFiles:
    """The objects below an address, by one listing. Raises UploadRefused if the bucket does not answer."""

    def __init__(self, address: str, manifest: str) -> None:
        self._sizes = list_sizes(BucketAddress.parse(address))
        self._manifest = manifest

    def find(self, name: str) -> ArrivedFile:
        key = name_object(name)
        if key not in self._sizes:
            raise refuse_missing_object(name)
        return ArrivedFile(key, self._sizes[key], None)

    def list_names(self) -> Iterator[str]:
        return (name for name in self._sizes if name != self._manifest)


def open_files(clip_import: ClipImport) -> ArrivedFiles:
    """Return the files of an import. Raises UploadRefused if its bucket does not answer."""
    if clip_import.source == ClipImport.Source.BUCKET:
        return BucketFiles(clip_import.videos, clip_import.name)
    folder, root = open_folder(clip_import)
    return FolderFiles(folder, root, root / Path(clip_import.manifest).name)


def list_unnamed(clip_import: ClipImport, files: ArrivedFiles, named: set[str]) -> Iterator[str]:
    """Yield the files that no row names. Yield nothing without a table: its remarks count the files left out."""
    if PurePosixPath(clip_import.manifest).name != ROWS_FILE:
        yield from (name for name in files.list_names() if name not in named and not is_hidden(name))
