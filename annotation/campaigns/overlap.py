"""Decide how many rating slots an item has, the arm of each, and how soon the queue reaches it."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import count, islice

from annotation.models import Arm, AxisAnswer, Campaign, Item, Rating, Slot, Split
from annotation.shared.draws import draw_position, draw_share

LAST_RANK = -1e308
"""The rank of an item without a score in a campaign ordered by score: after all items that have one."""


def build_rating_slots(
    campaign: Campaign, item: Item, *, clip_id: str, split: str, first: int = 1, last: int = 0
) -> Iterator[Slot]:
    """Yield unsaved free slots of an item, numbered `first` to `last` (default: the campaign's overlap)."""
    position = draw_position(campaign.seed, clip_id, "place")
    for number in range(first, (last or campaign.overlap) + 1):
        yield Slot(
            item=item,
            campaign=campaign,
            number=number,
            place=position,
            rank=compute_rank(campaign, item),
            arm=draw_arm(campaign, clip_id, number, split),
        )


def draw_arm(campaign: Campaign, clip_id: str, number: int, split: str) -> Arm:
    """Return the arm of a rating slot: blind for val and test, else drawn by the campaign's seed and assisted share."""
    if split != Split.TRAIN:
        return Arm.BLIND
    share = draw_share(campaign.seed, clip_id, number, "arm")
    return Arm.ASSISTED if share < campaign.assisted_share else Arm.BLIND


def compute_rank(campaign: Campaign, item: Item) -> float:
    """Return an item's rank in the campaign's order; a higher rank comes first."""
    if campaign.order == Campaign.Order.PRIORITY:
        return float(item.priority)
    if campaign.order == Campaign.Order.SCORE:
        return LAST_RANK if item.order_score is None else item.order_score
    return 0.0


def open_extra_slot(rating: Rating, campaign: Campaign) -> Slot | None:
    """Add one more slot to a rating's item if all its rating slots are done and their scores disagree.

    Call it in the transaction that stored the scores. It locks the item first: of two raters who fill the last two
    slots at once, the second sees the first one's scores.
    """
    if campaign.overlap_cap is None:
        return None
    items = Item.objects.select_related("clip__prompt_group").select_for_update(of=("self",), no_key=True)
    item = items.get(pk=rating.item_id)
    states = dict(Slot.objects.filter(item=item, kind=Slot.Kind.SEAT).values_list("number", "state"))
    if len(states) >= campaign.overlap_cap or any(state != Slot.State.DONE for state in states.values()):
        return None
    if measure_disagreement(item) <= campaign.disagreement_bound:
        return None
    (slot,) = build_missing_slots(campaign, item, states, len(states) + 1)
    slot.save()
    return slot


def build_missing_slots(campaign: Campaign, item: Item, present: Collection[int], wanted: int) -> Iterator[Slot]:
    """Yield unsaved free slots for an item that has the numbers `present`, until it has as many slots as wanted."""
    missing = (number for number in count(1) if number not in present)
    for number in islice(missing, max(0, wanted - len(present))):
        split = item.clip.prompt_group.split
        yield from build_rating_slots(campaign, item, clip_id=item.clip.clip_id, split=split, first=number, last=number)


def measure_disagreement(item: Item) -> int:
    """Return the widest gap between two raters' scores of one axis, in levels; 0 with fewer than two ratings."""
    answers = AxisAnswer.objects.filter(
        revision__is_current=True, revision__rating__item=item, revision__rating__slot__kind=Slot.Kind.SEAT
    )
    by_axis: dict[str, list[int]] = defaultdict(list)
    for axis, score in answers.values_list("axis", "score"):
        by_axis[axis].append(score)
    return max((max(scores) - min(scores) for scores in by_axis.values()), default=0)
