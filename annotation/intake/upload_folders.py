"""The folders of uploaded files: one for each upload, which its import deletes when it is over."""

import shutil
import time
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from annotation.intake.media_store import delete_incoming_folders
from annotation.models import ClipImport
from operations.models import Job, JobState

IMPORT_CLIPS = "import_clips"
STALE_SECONDS = 24 * 3600
_State = ClipImport.State


def get_upload_root() -> Path:
    return Path(settings.VAR_DIR) / "uploads"


def delete_files(clip_import: ClipImport) -> None:
    """Delete the uploads of an import, and what its killed processes left. Other folders belong to operators."""
    for folder in _list_folders(clip_import):
        shutil.rmtree(folder, ignore_errors=True)
    delete_incoming_folders(name_owner(clip_import.pk))


def name_owner(clip_import: int) -> str:
    """Return the name by which the work folders of an import, given by its key, are known."""
    return f"import-{clip_import}"


def remove_stale_folders() -> None:
    """Delete old folders that no import will read, and the previews of old folders. A failed import keeps its a day."""
    root = get_upload_root()
    old = {folder for folder in (root.iterdir() if root.exists() else ()) if _is_old(folder)}
    if old:
        for folder in old - _find_awaited():
            shutil.rmtree(folder, ignore_errors=True)


def remove_stale_previews() -> None:
    """Delete the previews that nobody started within a day."""
    stale = ClipImport.objects.filter(state=_State.PREVIEWED, created_at__lt=_get_limit())
    for clip_import in stale:
        delete_files(clip_import)
    stale.delete()


def _find_awaited() -> set[Path]:
    readable = Q(state=_State.RUNNING) | Q(state=_State.FAILED, finished_at__gte=_get_limit())
    readable |= Q(state=_State.PREVIEWED, created_at__gte=_get_limit())
    awaited = {folder for one in ClipImport.objects.filter(readable) for folder in _list_folders(one)}
    # Jobs that earlier versions queued name their manifest.
    open_jobs = Job.objects.filter(kind=IMPORT_CLIPS, state__in=[JobState.QUEUED, JobState.RUNNING])
    named = open_jobs.filter(arguments__has_key="manifest").values_list("arguments__manifest", flat=True)
    return awaited | {folder for name in named for folder in find_folders(name)}


def find_folders(*paths: str) -> list[Path]:
    """Return the folders under the upload root that hold these paths."""
    root = get_upload_root()
    inside = [Path(path) for path in paths if path and Path(path).is_relative_to(root) and Path(path) != root]
    return [root / path.relative_to(root).parts[0] for path in inside]


def _list_folders(clip_import: ClipImport) -> list[Path]:
    return find_folders(clip_import.manifest, clip_import.videos)


def _get_limit() -> datetime:
    return timezone.now() - timedelta(seconds=STALE_SECONDS)


def _is_old(folder: Path) -> bool:
    try:
        return time.time() - folder.stat().st_mtime > STALE_SECONDS
    except FileNotFoundError:  # another request deleted it meanwhile
        return False
