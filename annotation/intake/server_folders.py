"""Browse the folders of the server from which leads may import: those below the roots that an operator names."""

import os
from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.utils.translation import gettext as _

from annotation.intake.archives import UploadRefused
from annotation.intake.folder_rows import VIDEO_SUFFIXES, is_hidden
from annotation.intake.manifests import SUFFIXES
from qsave.words import isolate

MOST_FOLDERS = 500
"""How many folders of a folder are listed."""
MOST_FILES = 20
"""How many videos and tables of a folder are named."""


@dataclass(frozen=True, slots=True)
class ServerFolder:
    """A folder below a root: its path in it, the names of its folders, and its videos and tables.

    `files` has the names of the first of these, tables before videos.
    """

    root: int
    path: str
    folders: list[str]
    has_more: bool
    videos: int
    tables: int
    files: list[str]

    @property
    def root_name(self) -> str:
        return Path(settings.IMPORT_ROOTS[self.root]).name

    @property
    def generator(self) -> str:
        """Return what its own name says about videos that are in no folder of it: their generator."""
        return PurePosixPath(self.path).name if self.videos and not self.tables else ""

    @property
    def more_files(self) -> int:
        """Return how many videos and tables are not named."""
        return self.videos + self.tables - len(self.files)

    @property
    def parents(self) -> list[tuple[str, str]]:
        """Return the name and the path of each folder from the root down to this one."""
        parts = PurePosixPath(self.path).parts
        return [(name, "/".join(parts[: number + 1])) for number, name in enumerate(parts)]


def find_folder(root: int, path: str) -> Path:
    """Return a folder below a root. Raises UploadRefused if it is outside, also by a link, or does not exist."""
    if not settings.IMPORT_ROOTS:
        raise UploadRefused(
            _("No folder of the server is open for imports. An operator names some in QSAVE_IMPORT_ROOTS.")
        )
    try:
        top = Path(settings.IMPORT_ROOTS[root]).resolve() if root >= 0 else None
        folder = (top / path).resolve() if top else None
        is_open = top is not None and folder is not None and folder.is_relative_to(top) and folder.is_dir()
    except (IndexError, OSError, ValueError):  # a name that no folder can have
        folder, is_open = None, False
    if folder is None or not is_open:
        raise UploadRefused(
            _("There is no folder %(name)s among those of the server. Choose one from the list.")
            % {"name": isolate(repr(path[:200]))}
        )
    return folder


def refuse_links_outside(root: int, folder: Path) -> None:
    """Raise UploadRefused if a link below the folder leads out of the root, or a folder there cannot be read."""
    top = Path(settings.IMPORT_ROOTS[root]).resolve()
    waiting, read = [folder], set[Path]()
    while waiting:
        current = waiting.pop()
        read.add(current)
        for path in _list_paths(current):
            target = path.resolve() if path.is_symlink() else path
            if not target.is_relative_to(top):
                raise UploadRefused(
                    _(
                        "The link %(name)s leads out of the folders that are open for imports. Remove it, or ask an "
                        "operator to run the command import_clips."
                    )
                    % {"name": isolate(str(path.relative_to(top)))}
                )
            if target.is_dir() and target not in read:
                waiting.append(target)


def _list_paths(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise _make_reading_error(folder.name, error) from None


def _make_reading_error(name: str, error: OSError) -> UploadRefused:
    return UploadRefused(
        _("The folder %(name)s cannot be read: %(reason)s. Ask an operator for access.")
        % {"name": isolate(name), "reason": error.strerror}
    )


def read_folder(root: int, path: str) -> ServerFolder:
    """Read what is in a folder. Raises UploadRefused."""
    folder = find_folder(root, path)
    folders, names = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_hidden(entry.name):
                    continue
                if not entry.is_dir():
                    names.append(entry.name)
                elif _is_below(Path(entry.path), root):
                    folders.append(entry.name)
    except OSError as error:
        raise _make_reading_error(path, error) from None
    videos, tables = (sorted(filter_names(names, suffixes)) for suffixes in (VIDEO_SUFFIXES, SUFFIXES))
    return ServerFolder(
        root,
        path.strip("/"),
        folders=sorted(folders)[:MOST_FOLDERS],
        has_more=len(folders) > MOST_FOLDERS,
        videos=len(videos),
        tables=len(tables),
        files=[*tables, *videos][:MOST_FILES],
    )


def filter_names(names: Iterable[str], suffixes: Container[str]) -> list[str]:
    """Return the file names that end in one of these suffixes, in any case."""
    return [name for name in names if PurePosixPath(name).suffix.lower() in suffixes]


def _is_below(folder: Path, root: int) -> bool:
    return folder.resolve().is_relative_to(Path(settings.IMPORT_ROOTS[root]).resolve())
