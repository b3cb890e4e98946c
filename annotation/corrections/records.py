"""What every correction of a clip shares: its reason, the lock on what it changes, and its audit entries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from annotation.campaigns.locks import lock_clip_rows, lock_items, lock_slots
from annotation.models import Clip, Item, Offer, Slot
from annotation.shared.text import clean_text

MAX_REASON_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class LockedClips:
    """Clips as they are now, with their items and slots, all locked until the transaction ends."""

    clips: Sequence[Clip]
    items: Sequence[Item]
    slots: Sequence[Slot]

    def is_taken(self) -> bool:
        """Return whether a rater was ever given one of the clips."""
        return any(slot.state != Slot.State.FREE for slot in self.slots) or _was_offered(self.items)


def lock_all(clips: Sequence[Clip]) -> LockedClips:
    """Lock the clips with their items and slots, in the order of `annotation.campaigns.locks`.

    Nobody can create a slot or an offer of them meanwhile.
    """
    current = lock_clip_rows(clip.pk for clip in clips)
    items = list(Item.objects.filter(clip__in=current).order_by("pk"))
    slots = lock_slots(items)
    return LockedClips(current, lock_items(items, no_key=False), slots)


def clean_reason(reason: str) -> str:
    """Return the reason as it is stored. Raises ValidationError without one."""
    reason = clean_text(reason)[:MAX_REASON_LENGTH]
    if not reason:
        raise ValidationError({"reason": _("Write why. The reason is saved in the audit trail.")})
    return reason


def list_entries(
    clip: Clip, items: Sequence[Item] | None = None, **data: object
) -> list[tuple[Item | Clip, Mapping[str, object]]]:
    """Return the audit entries of a correction, for `audit.record_all`: one for each item of the clip.

    So the trail of each campaign has it. A clip of no campaign has one of its own. `items` are those of the clip, and
    others, if they have been read, with their campaigns.
    """
    if items is None:
        items = list(Item.objects.filter(clip=clip).select_related("campaign").order_by("pk"))
    own = [item for item in items if item.clip_id == clip.pk]
    targets: Sequence[Item | Clip] = own or [clip]
    return [(target, data) for target in targets]


def _was_offered(items: Sequence[Item]) -> bool:
    return Offer.objects.filter(item__in=items).exists()
