"""Find the manifest of a folder, or write one for a folder that has none."""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import TypeVar

from django.utils.translation import gettext as _

from annotation.intake.archives import UploadRefused
from annotation.intake.folder_rows import (
    VIDEO_SUFFIXES,
    FolderRows,
    is_hidden,
    list_rows,
    list_rows_of_folder,
    write_rows,
)
from annotation.intake.manifests import MAX_MANIFEST_BYTES, SUFFIXES
from annotation.intake.rooted_files import open_below
from qsave.words import isolate

ROWS_FILE = ".rows.jsonl"
"""The manifest that is written for files without one. Its name is hidden, so it is never taken for an uploaded one."""
File = TypeVar("File", bound=PurePath)
MOST_NAMES = 4
"""How many generators name an import without a table, and how many files a sentence names."""
OTHER_ARCHIVES = frozenset({".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zst"})


class GeneratorMissing(UploadRefused):
    """Videos without a manifest are in no folder: somebody has to name their generator."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A table of clips, the folder of its videos, what people call it, and remarks on rows without a table.

    The table is known only after archives are unpacked. `videos` is empty if they are beside it, and the address of a
    bucket if they are there.
    """

    path: Path | None
    videos: Path | str
    name: str
    notes: list[str] = field(default_factory=list)


def prepare_manifest(
    folder: Path,
    *,
    generator: str = "",
    work_folder: Path | None = None,
    follow_links: bool = False,
    root: Path | None = None,
) -> Manifest:
    """Return the manifest among the files of a folder; without one, write a row for each video.

    It is written into `work_folder`, or else into the folder itself. If no link may lead out of `root`, the manifest
    is copied into `work_folder`. Raises UploadRefused if there are several manifests, or neither a manifest nor a
    video, and GeneratorMissing if a video without a folder needs `generator`.
    """
    path = find_manifest(folder)
    if path is None:
        listed = list_rows_of_folder(folder, generator=generator, follow_links=follow_links, root=root)
        if not listed.rows:
            raise UploadRefused(_describe_missing(path.name for path in folder.iterdir()))
        return write_manifest(listed, folder, (work_folder or folder) / ROWS_FILE)
    if path.stat().st_size == 0:
        raise _make_empty_error(path.name)
    if root is not None and work_folder is not None:
        return Manifest(_copy_table(path, root, work_folder), path.parent, path.name)
    return Manifest(path, path.parent, path.name)


def _copy_table(path: Path, root: Path, work_folder: Path) -> Path:
    """Copy a manifest: what is checked here is what the import reads, even if somebody changes the folder meanwhile."""
    try:
        file = open_below(root, path)
    except OSError as error:
        words = {"name": isolate(path.name), "reason": error.strerror}
        raise UploadRefused(_("The manifest %(name)s cannot be read: %(reason)s.") % words) from None
    with file, (work_folder / path.name).open("wb") as copy:
        if os.fstat(file.fileno()).st_size > MAX_MANIFEST_BYTES:
            words = {"name": isolate(path.name), "most": str(MAX_MANIFEST_BYTES // 1024**2)}
            raise UploadRefused(_("The manifest %(name)s has more than %(most)s MB. Split it.") % words)
        shutil.copyfileobj(file, copy)
    return work_folder / path.name


def check_names(sizes: Mapping[str, int], *, generator: str) -> None:
    """Raise what `prepare_manifest` would raise for a folder with files of these paths and sizes in bytes."""
    name = _find_manifest_name(sizes)
    if name is None:
        listed = list_rows(sizes, lambda _path: "", generator=generator)
        if not listed.rows:
            raise UploadRefused(_describe_missing(sizes))
        _check_generators(listed)
    elif not sizes[name]:
        raise _make_empty_error(PurePosixPath(name).name)


def find_manifest(folder: Path) -> Path | None:
    """Return the only manifest at the top of a folder, or of the only folder in it; `manifest.*` wins over others.

    A table that has the name of a video describes that video and is no manifest. Raises UploadRefused for several.
    """
    for level in (folder, *_list_only_folder(folder)):
        manifest = choose_manifest([path for path in level.iterdir() if path.is_file()])
        if manifest is not None:
            return manifest
    return None


def choose_manifest(files: Iterable[File]) -> File | None:
    """Return the manifest among the files of one folder. Raises UploadRefused for several."""
    visible = sorted(path for path in files if not is_hidden(path.name))
    videos = {path.stem for path in visible if path.suffix.lower() in VIDEO_SUFFIXES}
    manifests = [path for path in visible if path.suffix.lower() in SUFFIXES and path.stem not in videos]
    named = [path for path in manifests if path.stem.lower() == "manifest"]
    if len(named or manifests) > 1:
        names = ", ".join(isolate(path.name) for path in manifests)
        raise UploadRefused(
            _("There are several manifests (%(names)s). Send only one, or name one of them manifest.csv.")
            % {"names": names}
        )
    return next(iter(named or manifests), None)


def _find_manifest_name(names: Iterable[str]) -> str | None:
    """Return what `find_manifest` finds among files of these paths."""
    paths = [PurePosixPath(name) for name in names]
    folders = {path.parts[0] for path in paths if len(path.parts) > 1 and not is_hidden(path.parts[0])}
    for level in (PurePosixPath(), *(PurePosixPath(folder) for folder in folders if len(folders) == 1)):
        manifest = choose_manifest([path for path in paths if path.parent == level])
        if manifest is not None:
            return str(manifest)
    return None


def _list_only_folder(folder: Path) -> list[Path]:
    folders = [path for path in folder.iterdir() if path.is_dir() and not is_hidden(path.name)]
    return folders if len(folders) == 1 else []


def write_manifest(listed: FolderRows, folder: Path | str, path: Path) -> Manifest:
    """Write listed rows as the manifest of a folder. Raises GeneratorMissing."""
    _check_generators(listed)
    write_rows(listed.rows, path)
    generators = sorted({row["generator"] for row in listed.rows})
    return Manifest(
        path, folder, ", ".join(generators[:MOST_NAMES]) + ", …" * (len(generators) > MOST_NAMES), listed.notes
    )


def _check_generators(listed: FolderRows) -> None:
    if listed.needs_generator:
        raise GeneratorMissing(
            _("There is no manifest, and %(name)s is in no folder. Name the generator of such videos and try again.")
            % {"name": isolate(next(row["video"] for row in listed.rows if not row["generator"]))}
        )


def _make_empty_error(name: str) -> UploadRefused:
    return UploadRefused(
        _("The manifest %(name)s is empty (0 bytes). Choose one that has a row for each video.")
        % {"name": isolate(name)}
    )


def _describe_missing(names: Iterable[str]) -> str:
    suffixes = {name: PurePosixPath(name).suffix.lower() for name in sorted(names)}
    archives = [name for name, suffix in suffixes.items() if suffix in OTHER_ARCHIVES]
    if archives:
        names = ", ".join(map(isolate, archives[:MOST_NAMES]))
        return _("Only zip archives are unpacked. Send %(names)s as a zip.") % {"names": names}
    inner = [name for name, suffix in suffixes.items() if suffix == ".zip"]
    if inner:
        names = ", ".join(map(isolate, inner[:MOST_NAMES]))
        return _("A zip in a zip or in a folder is not unpacked. Unpack %(names)s, then import what is in it.") % {
            "names": names
        }
    return _(
        "There is no video and no manifest among the files. Choose videos, or a CSV, TSV, JSON, JSONL or Parquet file "
        "that names them."
    )
