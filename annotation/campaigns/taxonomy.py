"""A campaign's own defects. An id is made once and stays: ratings, releases and critics store it.

A defect that is not wanted any more is retired: the desk no longer offers it, and what names it (older ratings, the
work of somebody who has it on the desk at this moment) is still understood and shown with its label. So no entry is
ever taken out, and no id given out twice.
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.models import Campaign
from annotation.shared.permissions import require
from annotation.shared.text import clean_text
from qsave.axes import Axis
from qsave.words import fold, isolate

Entry = dict[str, Any]

LABEL_LENGTH = 60
MOST_ON_AN_AXIS = 60


def is_retired(entry: Entry) -> bool:
    return bool(entry.get("retired"))


@transaction.atomic
def add_defect(*, actor: User, campaign: Campaign, axis: str, label: str) -> str:
    """A new defect at the end of its axis; returns its id. Raises ValidationError by field."""
    entries = _locked(actor, campaign)
    if axis not in set(Axis):
        raise ValidationError({"axis": _("There is no such axis.")})
    words = _checked_label(entries, axis, label)
    if sum(entry["axis"] == axis for entry in entries) >= MOST_ON_AN_AXIS:
        raise ValidationError({"label": _("At most %(most)s defects fit on one axis.") % {"most": MOST_ON_AN_AXIS}})
    defect = _new_id(entries, axis, words)
    entries.append({"id": defect, "axis": axis, "label": words})
    _store(actor, campaign, entries, "campaign.defect_added", defect=defect, axis=axis, label=words)
    return defect


@transaction.atomic
def relabel_defect(*, actor: User, campaign: Campaign, defect: str, label: str) -> None:
    """Other words for the same defect, in older ratings too: the id stays. Raises ValidationError by field."""
    entries = _locked(actor, campaign)
    entry = _entry(entries, defect)
    words = _checked_label(entries, entry["axis"], label, besides=defect)
    before, entry["label"] = entry["label"], words
    if before != words:
        _store(actor, campaign, entries, "campaign.defect_relabelled", defect=defect, before=before, after=words)


@transaction.atomic
def retire_defect(*, actor: User, campaign: Campaign, defect: str) -> None:
    """Offers a defect no longer."""
    entries = _locked(actor, campaign)
    entry = _entry(entries, defect)
    if not is_retired(entry):
        entry["retired"] = True
        _store(actor, campaign, entries, "campaign.defect_retired", defect=defect)


@transaction.atomic
def restore_defect(*, actor: User, campaign: Campaign, defect: str) -> None:
    """Offers a retired defect again; refused while another has taken its label."""
    entries = _locked(actor, campaign)
    entry = _entry(entries, defect)
    if is_retired(entry):
        _checked_label(entries, entry["axis"], entry["label"], besides=defect)
        del entry["retired"]
        _store(actor, campaign, entries, "campaign.defect_restored", defect=defect)


@transaction.atomic
def move_defect(*, actor: User, campaign: Campaign, defect: str, by: int) -> None:
    """Moves a defect so many places down (up, if negative) among those of its axis that are offered."""
    entries = _locked(actor, campaign)
    entry = _entry(entries, defect)
    row = [one for one in entries if one["axis"] == entry["axis"] and not is_retired(one)]
    if entry not in row:
        raise ValidationError({"defect": _("A retired defect has no place among those that are offered.")})
    target = row[min(max(row.index(entry) + by, 0), len(row) - 1)]
    if target is not entry:
        where = entries.index(target)
        entries.remove(entry)
        entries.insert(where, entry)
        _store(actor, campaign, entries, "campaign.defect_moved", defect=defect, by=by)


def _locked(actor: User, campaign: Campaign) -> list[Entry]:
    require(actor, Role.LEAD)
    entries: list[Entry] = Campaign.objects.select_for_update().values_list("taxonomy", flat=True).get(pk=campaign.pk)
    return entries


def _entry(entries: list[Entry], defect: str) -> Entry:
    found = next((entry for entry in entries if entry["id"] == defect), None)
    if found is None:
        raise ValidationError({"defect": _("This campaign has no defect %(defect)s.") % {"defect": isolate(defect)}})
    return found


def _checked_label(entries: list[Entry], axis: str, label: str, *, besides: str = "") -> str:
    words = " ".join(clean_text(label).split())
    if not fold(words):
        raise ValidationError({"label": _("Give it a name that people can read.")})
    if len(words) > LABEL_LENGTH:
        raise ValidationError({"label": _("At most %(most)s characters fit on the desk.") % {"most": LABEL_LENGTH}})
    same = [one for one in entries if one["axis"] == axis and fold(one["label"]) == fold(words)]
    if any(not is_retired(one) for one in same if one["id"] != besides):
        raise ValidationError({"label": _("This axis has a defect of that name.")})
    if not besides and same:
        raise ValidationError({"label": _("This axis has a retired defect of that name: take it up again below.")})
    return words


def _new_id(entries: list[Entry], axis: str, label: str) -> str:
    stem = slugify(label).replace("_", "-").strip("-") or axis
    taken = {entry["id"] for entry in entries}
    numbered = (f"{stem}-{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (stem, *numbered) if name not in taken)


def _store(actor: User, campaign: Campaign, entries: list[Entry], action: str, **data: object) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(taxonomy=entries)
    campaign.taxonomy = entries
    audit.record(actor=actor, action=action, target=campaign, **data)
