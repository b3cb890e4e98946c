"""Replace the file of a clip. docs/adr/0018 says which ratings count afterwards.

The clip has the next version then, and its earlier files are a row of `ClipVersion`. Done slots become slots of an
earlier file, which count nowhere, and the item gets as many free rating slots as it lost.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.locks import lock_campaigns
from annotation.campaigns.overlap import build_rating_slots
from annotation.campaigns.reports import take_from_raters
from annotation.campaigns.slots import EXTRA_NUMBERS
from annotation.campaigns.summaries import refresh_summaries
from annotation.corrections.new_files import NewFile
from annotation.corrections.prompts import find_group_of
from annotation.corrections.records import LockedClips, clean_reason, list_entries, lock_all
from annotation.intake.prompt_groups import lock_clips
from annotation.models import FILE_FIELDS, Clip, ClipVersion, Exposure, Item, Offer, Qualification, Rating, Slot
from annotation.shared.permissions import require_role


@transaction.atomic
def replace_file(*, actor: User, clip: Clip, file: NewFile, reason: str) -> Clip:
    """Give the clip another file and return it as it is then; the same bytes again change nothing.

    Raises ValidationError without a reason, for a withdrawn clip, and while the clip is being prepared.
    """
    require_role(actor, Role.LEAD)
    reason = clean_reason(reason)
    lock_clips()
    lock_campaigns(Item.objects.filter(clip=clip.pk).values("campaign"))
    locked = lock_all([clip])
    (current,) = locked.clips
    if current.sha256 == file.values["sha256"]:
        return current
    _check(current)
    before = {"version": current.version, "sha256": current.sha256}
    _store_version(actor, current, reason)
    _set_files(current, file, locked.items)
    take_from_raters(locked.items, locked.slots)
    _retire_slots(locked)
    _take_drafts_from_offers(locked.items)
    after = {"version": current.version, "sha256": current.sha256}
    entries = list_entries(current, before=before, after=after, reason=reason)
    audit.record_all(actor=actor, action="clip.replaced", entries=entries)
    refresh_summaries(item.pk for item in locked.items)
    return current


def _check(clip: Clip) -> None:
    if clip.is_withdrawn:
        raise ValidationError({"video": _("This clip is withdrawn. Restore it first.")})
    if not clip.is_ready:
        raise ValidationError({"video": _("This clip is still being prepared. Replace its file when that is done.")})


def _store_version(actor: User, clip: Clip, reason: str) -> None:
    files = {name: getattr(clip, name) for name in FILE_FIELDS}
    ClipVersion.objects.create(clip=clip, number=clip.version, replaced_by=actor, reason=reason, **files)


def _set_files(clip: Clip, file: NewFile, items: Sequence[Item]) -> None:
    for name in FILE_FIELDS:
        setattr(clip, name, file.values[name])
    clip.version += 1
    _group, clip.bridges_splits = find_group_of(clip, clip.prompt, items)
    clip.save(update_fields=[*FILE_FIELDS, "version", "bridges_splits"])


def _retire_slots(locked: LockedClips) -> None:
    """Make done slots those of an earlier file, numbered apart, and create a free slot for each rating slot of them."""
    retired = _list_retired(locked.slots)
    lost = {(slot.item_id, slot.number) for slot in retired if slot.kind == Slot.Kind.SEAT}
    numbers: dict[int, int] = defaultdict(lambda: EXTRA_NUMBERS)
    for slot in locked.slots:
        numbers[slot.item_id] = max(numbers[slot.item_id], slot.number)
    for slot in retired:
        slot.kind = Slot.Kind.EARLIER
        numbers[slot.item_id] += 1
        slot.number = numbers[slot.item_id]
    Slot.objects.bulk_update(retired, ["kind", "number"])
    Slot.objects.bulk_create(slot for item in locked.items for slot in _build_slots(item, lost))


def _list_retired(slots: Sequence[Slot]) -> list[Slot]:
    """Return the slots that are done. A qualification with a verdict stays as it is."""
    done = [slot for slot in slots if slot.state == Slot.State.DONE and slot.kind != Slot.Kind.EARLIER]
    verdicts = set(Qualification.objects.values_list("campaign", "rater").filter(rater__in=[s.rater_id for s in done]))
    return [
        slot
        for slot in done
        if slot.kind != Slot.Kind.QUALIFICATION or (slot.campaign_id, slot.rater_id) not in verdicts
    ]


def _build_slots(item: Item, lost: set[tuple[int, int]]) -> Iterator[Slot]:
    split = item.clip.prompt_group.split
    for item_id, number in sorted(lost):
        if item_id == item.pk:
            yield from build_rating_slots(
                item.campaign, item, clip_id=item.clip.clip_id, split=split, first=number, last=number
            )


def _take_drafts_from_offers(items: Sequence[Item]) -> None:
    """Raters who have not rated the item get the new file without the draft of the earlier one."""
    rated = Rating.objects.filter(item=OuterRef("item"), rater=OuterRef("rater"))
    offers = Offer.objects.filter(~Exists(rated), item__in=items, draft__isnull=False)
    offers.update(draft=None, exposure=Exposure.NONE)
