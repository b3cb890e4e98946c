"""Score a clip outside all campaigns: receive its file, queue the job, and delete both some days later.

The file is in a folder of its own under VAR_DIR, which has the name of the row's key. The worker reads it first
(`scoring_work`), so the web process decodes nothing.
"""

import hashlib
import shutil
import time
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.intake.manifests import MAX_PROMPT_LENGTH
from annotation.intake.media_store import CHUNK
from annotation.shared.permissions import require_role
from annotation.shared.text import clean_text
from modelassist.models import Critic, Scoring
from modelassist.models.scorings import KEY_LENGTH, NAME_LENGTH
from modelassist.services.consent import find_host
from modelassist.services.critics import ConsentMissing
from operations import jobs
from operations.models import JobState
from qsave.frames.container import MAX_BYTES
from qsave.words import isolate

SCORE_CLIP = "score_clip"
ORIGINAL, RENDITION = "original", "rendition.mp4"
STRAY_SECONDS = 24 * 3600
"""A folder without a row is deleted after this time: a request that was ended left it."""


class KeyReused(ValueError):
    """The idempotency key was sent before with another clip, prompt or critic."""


class NotFailed(ValueError):
    """Only a scoring that failed can be tried again."""


def request_scoring(
    *,
    actor: User,
    critic: Critic,
    prompt: str,
    upload: UploadedFile[Any],
    key: str = "",
    consents_to: str = "",
    asks_later: bool = False,
) -> Scoring:
    """Store a clip and queue its scoring; the same `key` with the same content returns the row of the first request.

    Raises ValidationError by field, KeyReused, and ConsentMissing if the critic sends clips to a host that
    `consents_to` does not name. With `asks_later` the clip is stored and waits for `agree` instead.
    """
    require_role(actor, Role.LEAD)
    prompt, host = _clean_prompt(prompt), find_host(critic)
    is_agreed = consents_to == host
    if not is_agreed and not asks_later:
        raise make_consent_question(critic)
    row = Scoring(critic=critic, prompt=prompt, created_by=actor, host=host if is_agreed else "")
    row.key, row.file_name = clean_text(key)[:KEY_LENGTH] or row.pk.hex, clean_text(upload.name or "")[-NAME_LENGTH:]
    row.sha256 = _store(upload, get_folder(row))
    try:
        stored = _save_once(row, queues=is_agreed)
    except BaseException:
        delete_folder(row.pk)
        raise
    if stored.pk != row.pk:
        delete_folder(row.pk)
    return stored


def make_consent_question(critic: Critic) -> ConsentMissing:
    host = find_host(critic)
    words = _("%(critic)s sends this clip to %(host)s. Do you agree to that?")
    return ConsentMissing(host, words % {"critic": isolate(critic), "host": isolate(host)})


@transaction.atomic
def _save_once(row: Scoring, *, queues: bool) -> Scoring:
    """Save a row, unless its sender used the key before. Raises KeyReused if that was for something else."""
    names = ("pk", "critic", "prompt", "file_name", "sha256", "host")
    values = {name: getattr(row, name) for name in names}
    stored, is_new = Scoring.objects.get_or_create(created_by=row.created_by, key=row.key, defaults=values)
    if not is_new and (stored.critic_id, stored.prompt, stored.sha256) != (row.critic_id, row.prompt, row.sha256):
        raise KeyReused(
            _("The key %(key)s was sent before with another clip, prompt or critic. Send a new key.")
            % {"key": isolate(row.key)}
        )
    if is_new:
        audit.record(actor=row.created_by, action="scoring.requested", target=stored, critic=str(row.critic))
        if queues:
            _queue(row.created_by, stored)
    return stored


@transaction.atomic
def agree(*, actor: User, scoring: Scoring, host: str) -> None:
    """Let the clip be sent to the host of its critic, and queue its scoring. Raises ConsentMissing for another host."""
    require_role(actor, Role.LEAD)
    if host != find_host(scoring.critic):
        raise make_consent_question(scoring.critic)
    waiting = Scoring.objects.select_for_update().filter(pk=scoring.pk, job=None).first()
    if waiting is not None:
        Scoring.objects.filter(pk=scoring.pk).update(host=host)
        audit.record(actor=actor, action="scoring.consent_given", target=scoring, host=host)
        _queue(actor, waiting)


@transaction.atomic
def retry(*, actor: User, scoring: Scoring) -> None:
    """Queue a scoring again that failed. Raises NotFailed."""
    require_role(actor, Role.LEAD)
    locked = Scoring.objects.select_for_update(of=("self",)).select_related("job").get(pk=scoring.pk)
    if locked.state != JobState.FAILED:
        raise NotFailed(_("This clip is being scored already, or has its answer."))
    _queue(actor, locked)


@transaction.atomic
def delete(*, actor: User, scoring: Scoring) -> None:
    """Delete a clip that was sent to be scored, its answer and its files; a job that works on it stops."""
    require_role(actor, Role.LEAD)
    if scoring.job is not None:
        jobs.cancel(job=scoring.job, actor=actor)
    audit.record(actor=actor, action="scoring.deleted", target=scoring, critic=str(scoring.critic))
    key = scoring.pk
    scoring.delete()
    transaction.on_commit(lambda: delete_folder(key))


def delete_expired() -> int:
    """Delete the scorings whose time is over, and stray folders; returns how many scorings were deleted."""
    expired = list(Scoring.objects.filter(created_at__lt=timezone.now() - get_lifetime()).values_list("pk", flat=True))
    if expired:
        Scoring.objects.filter(pk__in=expired).delete()
    for key in expired:
        delete_folder(key)
    return len(expired)


def delete_stray_folders() -> None:
    """Delete old folders that no row has."""
    root = get_root()
    old = {folder.name: folder for folder in (root.iterdir() if root.exists() else ()) if _is_old(folder)}
    known = {key.hex for key in Scoring.objects.filter(pk__in=map(_parse_key, old)).values_list("pk", flat=True)}
    for name in old.keys() - known:
        shutil.rmtree(old[name], ignore_errors=True)


def get_lifetime() -> timedelta:
    return timedelta(days=settings.SCORING_DAYS)


def compute_expiry(scoring: Scoring) -> datetime:
    return scoring.created_at + get_lifetime()


def get_root() -> Path:
    return Path(settings.VAR_DIR) / "scorings"


def get_folder(scoring: Scoring) -> Path:
    return get_root() / scoring.pk.hex


def delete_folder(key: uuid.UUID) -> None:
    shutil.rmtree(get_root() / key.hex, ignore_errors=True)


def _queue(actor: User, scoring: Scoring) -> None:
    job = jobs.enqueue(actor=actor, kind=SCORE_CLIP, arguments={"scoring": str(scoring.pk)})
    Scoring.objects.filter(pk=scoring.pk).update(job=job)
    scoring.job = job


def _clean_prompt(prompt: str) -> str:
    prompt, most = clean_text(prompt), MAX_PROMPT_LENGTH
    if not prompt:
        raise ValidationError({"prompt": _("Write the prompt of the clip: alignment is judged by it.")})
    if len(prompt) > most:
        raise ValidationError({"prompt": _("A prompt can have at most %(most)s characters.") % {"most": most}})
    return prompt


def _store(upload: UploadedFile[Any], folder: Path) -> str:
    """Write the file to its folder; return the SHA-256 of its bytes. Raises ValidationError for `video`."""
    delete_stray_folders()
    if upload.size is not None and upload.size > MAX_BYTES:
        raise ValidationError({"video": _("A video can have at most %(most)s GB.") % {"most": MAX_BYTES // 1024**3}})
    digest = hashlib.sha256()
    try:
        folder.mkdir(parents=True)
        with (folder / ORIGINAL).open("xb") as out:
            for chunk in upload.chunks(CHUNK):
                digest.update(chunk)
                out.write(chunk)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        words = _("The file could not be stored: %(problem)s. Ask an operator to make room, then send it again.")
        raise ValidationError({"video": words % {"problem": error.strerror}}) from None
    return digest.hexdigest()


def _is_old(folder: Path) -> bool:
    try:
        return time.time() - folder.stat().st_mtime > STRAY_SECONDS
    except FileNotFoundError:  # another process deleted it meanwhile
        return False


def _parse_key(name: str) -> uuid.UUID:
    try:
        return uuid.UUID(hex=name)
    except ValueError:
        return uuid.UUID(int=0)
