"""Read the video that is to replace the file of a clip: copy it into the media store, with poster and rendition."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from annotation.intake.clip_files import make_files
from annotation.intake.clip_records import StoredVideo, make_file_values
from annotation.intake.manifests import RowRefused
from annotation.intake.media_store import choose_extension, copy_and_hash, move_into_store, open_incoming_folder
from operations.database import DATABASE_TROUBLE
from qsave.frames.guard import MediaError, guard_file
from qsave.frames.probe import probe


@dataclass(frozen=True, slots=True)
class NewFile:
    """A video in the media store: the values of FILE_FIELDS, and a remark on what was lost in its rendition."""

    values: Mapping[str, Any]
    note: str = ""


def read_new_file(path: Path) -> NewFile:
    """Raises ValidationError for `video` if the file is no video that an import takes; nothing is stored then."""
    try:
        with (
            guard_file(output=Path(settings.MEDIA_ROOT), passing=(RowRefused, *DATABASE_TROUBLE)),
            open_incoming_folder() as folder,
        ):
            return _read(path, folder)
    except (RowRefused, MediaError) as problem:
        raise ValidationError({"video": str(problem)}) from None


def _read(path: Path, folder: Path) -> NewFile:
    copy = folder / "original"
    sha256 = copy_and_hash(path, copy)
    facts = probe(copy)
    values, note = make_files(copy, sha256, folder)
    original = move_into_store(copy, "clips", sha256, choose_extension(facts))
    return NewFile(make_file_values(StoredVideo(sha256, original, facts)) | values, note)
