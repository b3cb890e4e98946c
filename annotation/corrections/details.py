"""Edit what a manifest says of a clip besides its prompt and its video: generator, seed, content warning, metadata."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.locks import lock_clip_rows
from annotation.campaigns.summaries import refresh_summaries
from annotation.corrections.records import clean_reason, list_entries
from annotation.intake.manifests import GOLD, OPTIONAL, REQUIRED, Row, RowRefused, read_row
from annotation.models import Clip
from annotation.shared.permissions import require_role
from qsave.words import isolate

DETAILS = ("generator", "seed", "content_warning", "metadata")
_OWN_COLUMNS = frozenset({*REQUIRED, *OPTIONAL, *GOLD, "seed"})
_LEAST_ROW = {"video": "-", "prompt": "-", "generator": "-"}


@transaction.atomic
def edit_details(*, actor: User, clip: Clip, details: Mapping[str, Any], reason: str) -> Clip:
    """Change some of DETAILS and return the clip as it is then; `metadata` replaces all metadata.

    An empty seed or content warning removes it. Raises ValidationError by field, and then changes nothing.
    """
    require_role(actor, Role.LEAD)
    cleaned, reason = clean_details(details), clean_reason(reason)
    (current,) = lock_clip_rows([clip.pk])
    before = {name: getattr(current, name) for name in cleaned if getattr(current, name) != cleaned[name]}
    if before:
        after = {name: cleaned[name] for name in before}
        for name, value in after.items():
            setattr(current, name, value)
        current.save(update_fields=list(after))
        entries = list_entries(current, before=before, after=after, reason=reason)
        audit.record_all(actor=actor, action="clip.edited", entries=entries)
        refresh_summaries(current.items.values_list("pk", flat=True))
    return current


def clean_details(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the details as they are stored. Raises ValidationError by field. The rules are those of manifests."""
    cleaned, problems = {}, {}
    for name, value in details.items():
        try:
            cleaned[name] = _clean_detail(name, value)
        except RowRefused as refusal:
            problems[name] = str(refusal)
    if problems:
        raise ValidationError(problems)
    return cleaned


def _clean_detail(name: str, value: Any) -> Any:
    if name not in DETAILS:
        raise RowRefused(_("A clip has no such value."))
    if name != "metadata":
        row = read_row(_LEAST_ROW | {name: value})
        return format_seed(row) if name == "seed" else getattr(row, name)
    reserved = sorted(_OWN_COLUMNS & value.keys())
    if reserved:
        raise RowRefused(
            _("%(name)s is a value of the clip itself. Give it another name.") % {"name": isolate(reserved[0])}
        )
    return read_row(_LEAST_ROW | dict(value)).metadata


def format_seed(row: Row) -> str:
    """Return the seed of a row as a clip stores it."""
    return "" if row.seed is None else str(row.seed)
