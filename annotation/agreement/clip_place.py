"""Find the page of the list of clips that has one clip on it, so that a lead returns from the clip to its row."""

from dataclasses import dataclass

from annotation.agreement import clip_list
from annotation.agreement.axis_tallies import read_axis_tallies
from annotation.agreement.clip_filter import ClipFilter
from annotation.agreement.clip_order import ClipOrder, Position
from annotation.models import Campaign


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the list starts after `after` (None: at the first clip), and `index` is the row of the clip on it."""

    after: Position | None
    index: int


def find_place(campaign: Campaign, wanted: ClipFilter, item_id: int) -> Place | None:
    """Return the place of a clip, half a page of others before it; None if the campaign has no such clip.

    A clip that the filters leave out, as one that was just excluded, has the place of the clip after it.
    """
    order = ClipOrder.of(campaign, wanted, read_axis_tallies(campaign, wanted.axis))
    position = order.find_position(item_id)
    if position is None:
        return None
    half = clip_list.PAGE_SIZE // 2
    earlier = order.read_keys(position, limit=half, backward=True)
    if len(earlier) < half:
        return Place(None, len(earlier))
    return Place(earlier[-1], len(earlier) - 1)
