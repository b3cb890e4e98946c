"""How many seats an item has, in which arm, and how soon it is reached: drawn and counted in one place."""

from collections import defaultdict
from collections.abc import Iterator

from annotation.models import Arm, AxisAnswer, Campaign, Item, Rating, Slot, Split
from annotation.shared.draws import draw, place

LAST = -1e308
"""The rank of an item without a score where the campaign goes by score: after all that have one."""


def seats(campaign: Campaign, item: Item, *, clip_id: str, split: str, first: int = 1, last: int = 0) -> Iterator[Slot]:
    """Unsaved free seats of an item, numbered `first` to `last` (default: the campaign's overlap)."""
    where = place(campaign.seed, clip_id, "place")
    for number in range(first, (last or campaign.overlap) + 1):
        yield Slot(
            item=item,
            campaign=campaign,
            number=number,
            place=where,
            rank=rank_of(campaign, item),
            arm=drawn_arm(campaign, clip_id, number, split),
        )


def drawn_arm(campaign: Campaign, clip_id: str, number: int, split: str) -> Arm:
    """The arm of one seat: blind for val and test, else by the campaign's seed and share."""
    if split != Split.TRAIN:
        return Arm.BLIND
    lot = draw(campaign.seed, clip_id, number, "arm")
    return Arm.ASSISTED if lot < campaign.assisted_share else Arm.BLIND


def rank_of(campaign: Campaign, item: Item) -> float:
    """What the campaign's order makes of an item; a higher rank comes first."""
    if campaign.order == Campaign.Order.PRIORITY:
        return float(item.priority)
    if campaign.order == Campaign.Order.SCORE:
        return LAST if item.order_score is None else item.order_score
    return 0.0


def widen(rating: Rating, campaign: Campaign) -> Slot | None:
    """Opens one more seat on a rating's item when all its seats are taken up and their scores lie too far apart.

    To be called in the transaction that stored the scores. The item's row is locked first: of two raters who fill the
    last two seats at once, the second sees what the first said.
    """
    if campaign.overlap_cap is None:
        return None
    items = Item.objects.select_related("clip__prompt_group").select_for_update(of=("self",), no_key=True)
    item = items.get(pk=rating.item_id)
    states = list(Slot.objects.filter(item=item, kind=Slot.Kind.SEAT).values_list("state", flat=True))
    if len(states) >= campaign.overlap_cap or any(state != Slot.State.DONE for state in states):
        return None
    if disagreement(item) <= campaign.disagreement_bound:
        return None
    number, split = len(states) + 1, item.clip.prompt_group.split
    (seat,) = seats(campaign, item, clip_id=item.clip.clip_id, split=split, first=number, last=number)
    seat.save()
    return seat


def disagreement(item: Item) -> int:
    """The widest gap between two raters' scores of one axis, in levels; 0 with fewer than two ratings."""
    answers = AxisAnswer.objects.filter(
        revision__is_current=True, revision__rating__item=item, revision__rating__slot__kind=Slot.Kind.SEAT
    )
    by_axis: dict[str, list[int]] = defaultdict(list)
    for axis, score in answers.values_list("axis", "score"):
        by_axis[axis].append(score)
    return max((max(scores) - min(scores) for scores in by_axis.values()), default=0)
