"""Browse the folders of the server from which leads may import: those below the roots that an operator names."""

import os
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


@dataclass(frozen=True, slots=True)
class ServerFolder:
    """A folder below a root: its path in it, the names of its folders, and how many videos and tables it has."""

    root: int
    path: str
    folders: list[str]
    has_more: bool
    videos: int
    tables: int

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
    folders, suffixes = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_hidden(entry.name):
                    continue
                if not entry.is_dir():
                    suffixes.append(PurePosixPath(entry.name).suffix.lower())
                elif _is_below(Path(entry.path), root):
                    folders.append(entry.name)
    except OSError as error:
        raise _make_reading_error(path, error) from None
    counts = {kind: sum(suffix in names for suffix in suffixes) for kind, names in _KINDS.items()}
    has_more = len(folders) > MOST_FOLDERS
    return ServerFolder(root, path.strip("/"), sorted(folders)[:MOST_FOLDERS], has_more, **counts)


_KINDS = {"videos": VIDEO_SUFFIXES, "tables": SUFFIXES}


def _is_below(folder: Path, root: int) -> bool:
    return folder.resolve().is_relative_to(Path(settings.IMPORT_ROOTS[root]).resolve())
