"""Receive the upload of a new file for a clip, and replace the file in the background: decoding takes a while."""

import shutil
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Role, User
from annotation.corrections.records import clean_reason
from annotation.intake.media_store import CHUNK
from annotation.intake.upload_folders import get_upload_root, remove_stale_folders
from annotation.models import Clip
from annotation.shared.permissions import require_role
from operations.jobs import enqueue
from operations.models import Job, JobState
from qsave.frames.container import MAX_BYTES

REPLACE_FILE = "replace_file"
SHOWN_FOR = timedelta(days=1)
"""How long the page of a clip says that a replacement of its file failed."""


def request_replacement(*, actor: User, clip: Clip, upload: UploadedFile[Any], reason: str) -> Job:
    """Store the uploaded file and queue its replacement. Raises ValidationError by field, and stores nothing then."""
    require_role(actor, Role.LEAD)
    reason = clean_reason(reason)
    remove_stale_folders()
    path = _store(upload)
    try:
        with transaction.atomic():
            arguments = {"clip": clip.pk, "path": str(path), "reason": reason}
            return enqueue(kind=REPLACE_FILE, arguments=arguments, actor=actor)
    except BaseException:
        discard_upload(path)
        raise


def find_replacement(clip: Clip) -> Job | None:
    """Return the newest replacement of the clip's file, unless it is done or was requested before SHOWN_FOR."""
    recent = Job.objects.filter(kind=REPLACE_FILE, created_at__gt=timezone.now() - SHOWN_FOR)
    job = recent.filter(arguments__clip=clip.pk).order_by("-created_at").first()
    return None if job is None or job.state == JobState.DONE else job


def discard_upload(path: Path) -> None:
    shutil.rmtree(path.parent, ignore_errors=True)


def _store(upload: UploadedFile[Any]) -> Path:
    if upload.size is not None and upload.size > MAX_BYTES:
        message = _("A video can have at most %(most)s GB.") % {"most": MAX_BYTES // 1024**3}
        raise ValidationError({"video": message})
    path = get_upload_root() / uuid.uuid4().hex / "video"
    try:
        path.parent.mkdir(parents=True)
        with path.open("xb") as out:
            for chunk in upload.chunks(CHUNK):
                out.write(chunk)
    except OSError as error:
        discard_upload(path)
        message = _("The file could not be stored: %(problem)s. Nothing has changed.")
        raise ValidationError({"video": message % {"problem": error.strerror}}) from None
    return path
