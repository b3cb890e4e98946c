"""Receive a file of ratings made elsewhere, propose its mapping, and start the import once a lead confirms it."""

import shutil
import uuid
from datetime import timedelta
from itertools import islice
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Role, User
from annotation.models import Campaign, JudgementImport
from annotation.shared.permissions import require_role
from annotation.shared.text import clean_text
from operations.jobs import enqueue
from qsave.judgements.field_facts import FileFacts, read_facts
from qsave.judgements.mapping import JudgementMapping, MappingRefused
from qsave.judgements.proposal import propose_mapping
from qsave.judgements.reader import read_source
from qsave.tables.table import TableError
from qsave.taxonomy import DEFAULT_TAXONOMY
from qsave.words import isolate

IMPORT_JUDGEMENTS = "import_judgements"
SAMPLE = 2000
"""The rows from which a mapping is proposed, and which the preview counts."""
MAX_BYTES = 256 * 1024**2
LONGEST_WAIT = timedelta(days=30)


def get_folder() -> Path:
    """Return where received files wait until they are imported."""
    return Path(settings.VAR_DIR) / "judgements"


def receive_file(*, actor: User, campaign: Campaign, file: UploadedFile[Any]) -> JudgementImport:
    """Store an uploaded file and propose its mapping. Raises TableError if it is no table of ratings."""
    require_role(actor, Role.LEAD)
    remove_abandoned()
    name = clean_text(PurePath((file.name or "").replace("\\", "/")).name)[:300]
    if (file.size or 0) > MAX_BYTES:
        raise TableError(_("The file is larger than %(most)s MB. Split it.") % {"most": MAX_BYTES // 1024**2})
    path = get_folder() / uuid.uuid4().hex / f"ratings{PurePath(name).suffix.lower()[:10]}"
    path.parent.mkdir(parents=True)
    try:
        with path.open("xb") as out:
            for chunk in file.chunks():
                out.write(chunk)
        return open_import(actor=actor, campaign=campaign, path=path, name=name)
    except BaseException:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise


@transaction.atomic
def remove_abandoned() -> None:
    """Delete files that have waited long for somebody to confirm their mapping."""
    waiting = JudgementImport.objects.filter(state=JudgementImport.State.PREVIEWED)
    for row in waiting.filter(created_at__lt=timezone.now() - LONGEST_WAIT).select_for_update():
        discard_file(row)
        row.delete()


@transaction.atomic
def open_import(
    *, actor: User, campaign: Campaign | None, path: Path, name: str = "", source: str = ""
) -> JudgementImport:
    """Return a new import of a file on this host, with the proposed mapping. Raises TableError if it is no table."""
    require_role(actor, Role.LEAD)
    name = name or path.name
    facts, kind = read_file_facts(path, name)
    labels = {defect["id"]: str(defect["label"]) for defect in list_defects(campaign)}
    mapping = propose_mapping(facts, source=source or PurePath(name).stem[:80], defects=labels)
    return JudgementImport.objects.create(
        campaign=campaign, name=name, format=kind, file=str(path), mapping=mapping.to_json(), created_by=actor
    )


def read_file_facts(path: Path, name: str) -> tuple[FileFacts, str]:
    """Return what the first SAMPLE rows hold, and the format of the file. Raises TableError."""
    with open_file(path, name) as file:
        source = read_source(file, name)
        return read_facts(islice(source.rows, SAMPLE)), source.format


def open_file(path: Path, name: str) -> BinaryIO:
    """Open a file of ratings. Raises TableError if it is lost."""
    try:
        return path.open("rb")
    except OSError as error:
        raise TableError(
            _("%(name)s cannot be read: %(reason)s.") % {"name": isolate(name), "reason": error.strerror}
        ) from None


def list_defects(campaign: Campaign | None) -> list[dict[str, Any]]:
    """Return the defects of a campaign, or the default ones, as `id`, `axis` and `label`."""
    if campaign is not None:
        return list(campaign.taxonomy)
    return [{"id": defect.id, "axis": defect.axis.value, "label": defect.label} for defect in DEFAULT_TAXONOMY]


def check_mapping(value: object, campaign: Campaign | None) -> JudgementMapping:
    """Return a valid mapping. Raises ValidationError, also for a defect that the campaign does not have."""
    try:
        mapping = JudgementMapping.from_json(value)
    except MappingRefused as refusal:
        raise ValidationError({"mapping": str(refusal)}) from None
    unknown = sorted(set(mapping.defects.values()) - {defect["id"] for defect in list_defects(campaign)})
    if unknown:
        raise ValidationError(
            {"mapping": _("There is no defect %(defects)s.") % {"defects": isolate(", ".join(unknown))}}
        )
    return mapping


@transaction.atomic
def save_mapping(*, actor: User, judgement_import: JudgementImport, mapping: object) -> JudgementImport:
    """Save the mapping of an import that has not started. Raises ValidationError if it cannot be used."""
    require_role(actor, Role.LEAD)
    row = _lock_previewed(judgement_import)
    row.mapping = check_mapping(mapping, row.campaign).to_json()
    row.save(update_fields=["mapping"])
    return row


@transaction.atomic
def start_import(*, actor: User, judgement_import: JudgementImport, mapping: object) -> JudgementImport:
    """Confirm the mapping of an import and mark it as running. Raises ValidationError if it cannot be used."""
    require_role(actor, Role.LEAD)
    row = _lock_previewed(judgement_import)
    checked = check_mapping(mapping, row.campaign)
    row.mapping, row.source, row.state = checked.to_json(), clean_text(checked.source), JudgementImport.State.RUNNING
    row.save(update_fields=["mapping", "source", "state"])
    return row


def _lock_previewed(judgement_import: JudgementImport) -> JudgementImport:
    row = JudgementImport.objects.select_for_update().get(pk=judgement_import.pk)
    if row.state != JudgementImport.State.PREVIEWED:
        raise ValidationError({"mapping": _("This file is being imported already.")})
    return row


@transaction.atomic
def request_import(*, actor: User, judgement_import: JudgementImport, mapping: object) -> JudgementImport:
    """Confirm the mapping of an import and queue the job that stores its judgements. Raises ValidationError."""
    row = start_import(actor=actor, judgement_import=judgement_import, mapping=mapping)
    row.job = enqueue(kind=IMPORT_JUDGEMENTS, arguments={"judgement_import": row.pk}, actor=actor)
    row.save(update_fields=["job"])
    return row


def discard_file(judgement_import: JudgementImport) -> None:
    """Delete a received file; a file of an operator stays."""
    path = Path(judgement_import.file)
    if judgement_import.file and path.is_relative_to(get_folder()):
        shutil.rmtree(path.parent, ignore_errors=True)


def describe_import(judgement_import: JudgementImport) -> dict[str, str]:
    """Return what the audit trail says of an import: its file, its source and its campaign."""
    campaign = judgement_import.campaign
    return {
        "name": judgement_import.name,
        "source": judgement_import.source,
        "campaign": campaign.name if campaign else "",
    }
