"""Edit a campaign's own defects. The id of a defect never changes: ratings, releases and critics store it.

A defect that is no longer wanted is retired: the desk does not offer it any more, but older ratings and open work that
name it stay valid and show its label. So no entry is ever deleted, and no id is used twice.
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.locks import lock_campaign
from annotation.models import Campaign
from annotation.shared.permissions import require_role
from annotation.shared.text import clean_text
from qsave.axes import Axis
from qsave.words import fold, isolate

Entry = dict[str, Any]

MAX_LABEL_LENGTH = 60
MAX_DEFECTS = 60


def is_retired(entry: Entry) -> bool:
    return bool(entry.get("retired"))


def list_offered_defects(entries: list[Entry], axis: str) -> list[Entry]:
    """Return the defects of an axis that are not retired, in the order of the desk."""
    return [entry for entry in entries if entry["axis"] == axis and not is_retired(entry)]


@transaction.atomic
def add_defect(*, actor: User, campaign: Campaign, axis: str, label: str) -> str:
    """Add a defect at the end of its axis and return its id. Raises ValidationError by field."""
    entries = _lock_entries(actor, campaign)
    if axis not in set(Axis):
        raise ValidationError({"axis": _("There is no such axis.")})
    label = _check_label(entries, axis, label)
    if sum(entry["axis"] == axis for entry in entries) >= MAX_DEFECTS:
        raise ValidationError({"label": _("An axis can have at most %(most)s defects.") % {"most": MAX_DEFECTS}})
    defect = _new_id(entries, axis, label)
    entries.append({"id": defect, "axis": axis, "label": label})
    _store(actor, campaign, entries, "campaign.defect_added", defect=defect, axis=axis, label=label)
    return defect


@transaction.atomic
def relabel_defect(*, actor: User, campaign: Campaign, defect: str, label: str) -> None:
    """Rename a defect, also in older ratings: the id stays. Raises ValidationError by field."""
    entries = _lock_entries(actor, campaign)
    entry = _find_entry(entries, defect)
    label = _check_label(entries, entry["axis"], label, own_id=defect)
    before, entry["label"] = entry["label"], label
    if before != label:
        _store(actor, campaign, entries, "campaign.defect_relabelled", defect=defect, before=before, after=label)


@transaction.atomic
def retire_defect(*, actor: User, campaign: Campaign, defect: str) -> None:
    """Stop offering a defect."""
    entries = _lock_entries(actor, campaign)
    entry = _find_entry(entries, defect)
    if not is_retired(entry):
        entry["retired"] = True
        _store(actor, campaign, entries, "campaign.defect_retired", defect=defect)


@transaction.atomic
def restore_defect(*, actor: User, campaign: Campaign, defect: str) -> None:
    """Offer a retired defect again. Raises ValidationError if another defect has its label now."""
    entries = _lock_entries(actor, campaign)
    entry = _find_entry(entries, defect)
    if is_retired(entry):
        _check_label(entries, entry["axis"], entry["label"], own_id=defect)
        del entry["retired"]
        _store(actor, campaign, entries, "campaign.defect_restored", defect=defect)


@transaction.atomic
def move_defect(*, actor: User, campaign: Campaign, defect: str, by: int) -> None:
    """Move a defect `by` positions down (up if negative) among the offered ones of its axis."""
    entries = _lock_entries(actor, campaign)
    entry = _find_entry(entries, defect)
    offered = list_offered_defects(entries, entry["axis"])
    if entry not in offered:
        raise ValidationError({"defect": _("A retired defect cannot be moved. Restore it first.")})
    target = offered[min(max(offered.index(entry) + by, 0), len(offered) - 1)]
    if target is not entry:
        position = entries.index(target)
        entries.remove(entry)
        entries.insert(position, entry)
        _store(actor, campaign, entries, "campaign.defect_moved", defect=defect, by=by)


def _lock_entries(actor: User, campaign: Campaign) -> list[Entry]:
    require_role(actor, Role.LEAD)
    entries: list[Entry] = lock_campaign(campaign.pk).taxonomy
    return entries


def _find_entry(entries: list[Entry], defect: str) -> Entry:
    entry = next((entry for entry in entries if entry["id"] == defect), None)
    if entry is None:
        raise ValidationError({"defect": _("This campaign has no defect %(defect)s.") % {"defect": isolate(defect)}})
    return entry


def _check_label(entries: list[Entry], axis: str, label: str, *, own_id: str = "") -> str:
    """Return the label with single spaces; raises ValidationError if it is empty, too long or taken on its axis."""
    label = " ".join(clean_text(label).split())
    if not fold(label):
        raise ValidationError({"label": _("Enter a name with letters or digits.")})
    if len(label) > MAX_LABEL_LENGTH:
        raise ValidationError({"label": _("A name can have at most %(most)s characters.") % {"most": MAX_LABEL_LENGTH}})
    same = [entry for entry in entries if entry["axis"] == axis and fold(entry["label"]) == fold(label)]
    if any(not is_retired(entry) for entry in same if entry["id"] != own_id):
        raise ValidationError({"label": _("This axis already has a defect with this name.")})
    if not own_id and same:
        raise ValidationError({"label": _("This axis has a retired defect with this name. Restore it below.")})
    return label


def _new_id(entries: list[Entry], axis: str, label: str) -> str:
    stem = slugify(label).replace("_", "-").strip("-") or axis
    taken = {entry["id"] for entry in entries}
    numbered = (f"{stem}-{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (stem, *numbered) if name not in taken)


def _store(actor: User, campaign: Campaign, entries: list[Entry], action: str, **data: object) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(taxonomy=entries)
    campaign.taxonomy = entries
    audit.record(actor=actor, action=action, target=campaign, **data)
