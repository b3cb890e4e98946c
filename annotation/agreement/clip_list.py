"""Read a page of the list of clips: the rows in their order, with what each shows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Exists, OuterRef, Prefetch

from accounts.models import User
from annotation.agreement.axis_tallies import AxisTallies, read_axis_tallies
from annotation.agreement.clip_filter import ClipFilter
from annotation.agreement.clip_order import COUNT_LIMIT, ClipOrder, Position
from annotation.campaigns.reports import REPORTS
from annotation.models import Campaign, Item, ItemDefect, ItemSummary, Offer, Skip, Slot
from qsave.statistics.mos import Mos

PAGE_SIZE = 50
# Each step is one look-up in the index: the next name after the last one.
_GENERATORS = """
    WITH RECURSIVE names(name) AS (
        SELECT MIN(generator) FROM annotation_itemsummary WHERE campaign_id = %(campaign)s
        UNION ALL SELECT (SELECT MIN(generator) FROM annotation_itemsummary
            WHERE campaign_id = %(campaign)s AND generator > names.name) FROM names WHERE names.name IS NOT NULL)
    SELECT name FROM names WHERE name IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class ClipRow:
    """One clip of the list. `figure` is its MOS on the chosen axis, None without a rating that counts."""

    item: Item
    summary: ItemSummary
    figure: Mos | None
    raters: Sequence[str]
    defects: Sequence[str]

    @property
    def spread(self) -> int | None:
        """Widest gap between two scores of one axis."""
        return None if self.figure is None else self.summary.spread

    @property
    def mos(self) -> float | None:
        return None if self.figure is None else self.figure.mos

    @property
    def width(self) -> float | None:
        """Width of the 95% interval."""
        return None if self.figure is None else self.figure.high - self.figure.low


@dataclass(frozen=True, slots=True)
class ClipPage:
    """A page of the list. `previous` and `next` say where those pages begin; None if there is no such page."""

    rows: Sequence[ClipRow]
    count: int
    previous: Position | None
    next: Position | None

    @property
    def is_more_than_counted(self) -> bool:
        return self.count > COUNT_LIMIT


def read_clip_page(
    campaign: Campaign, wanted: ClipFilter, *, after: Position | None = None, before: Position | None = None
) -> ClipPage:
    """Read the page after a position, or the one before; the first page without either. A bounded number of queries."""
    order = ClipOrder.of(campaign, wanted, read_axis_tallies(campaign, wanted.axis))
    keys = order.read_keys(before, limit=PAGE_SIZE + 1, backward=True)[::-1] if before else []
    if len(keys) >= PAGE_SIZE:  # else the first page, which is full
        page, has_previous, has_next = keys[-PAGE_SIZE:], len(keys) > PAGE_SIZE, True
    else:
        after = None if before else after
        keys = order.read_keys(after, limit=PAGE_SIZE + 1)
        page, has_previous, has_next = keys[:PAGE_SIZE], after is not None, len(keys) > PAGE_SIZE
    return ClipPage(
        rows=_read_rows(campaign, [item for _value, item in page], order.figures, wanted),
        count=order.count,
        previous=page[0] if page and has_previous else None,
        next=page[-1] if page and has_next else None,
    )


def find_neighbours(
    campaign: Campaign, wanted: ClipFilter, item_id: int, tallies: AxisTallies
) -> tuple[int | None, int | None]:
    """Return the clips before and after one in the list, None at its ends. `tallies` are those of its axis."""
    order = ClipOrder.of(campaign, wanted, tallies)
    position = order.find_position(item_id)
    if position is None:
        return None, None
    before = order.read_keys(position, limit=1, backward=True)
    after = order.read_keys(position, limit=1)
    return (before[0][1] if before else None, after[0][1] if after else None)


def list_generators(campaign: Campaign) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_GENERATORS, {"campaign": campaign.pk})
        return [name for (name,) in cursor.fetchall()]


def list_raters(campaign: Campaign) -> list[str]:
    """Return the names of everybody who was given a clip of the campaign."""
    offers = Offer.objects.filter(campaign=campaign, rater=OuterRef("pk"))
    return list(User.objects.filter(Exists(offers)).order_by("username").values_list("username", flat=True))


def _read_rows(
    campaign: Campaign, keys: Sequence[int], figures: Mapping[int, Mos], wanted: ClipFilter
) -> list[ClipRow]:
    reports = Skip.objects.filter(kind__in=REPORTS, settled_at=None).select_related("rater").order_by("pk")
    items = (
        Item.objects.filter(pk__in=keys)
        .select_related("clip", "summary")
        .defer("clip__frame_times", "clip__shown_times", "clip__metadata")
        .prefetch_related(Prefetch("skips", reports, to_attr="reports"))
    )
    by_key = {item.pk: item for item in items}
    raters, defects = _read_raters(keys), _read_defects(campaign, keys)
    tally = f"{wanted.axis.value}_tally"
    return [
        ClipRow(item, item.summary, figures.get(getattr(item.summary, tally)), raters[key], defects[key])
        for key in keys
        if (item := by_key.get(key))
    ]


def _read_raters(keys: Sequence[int]) -> Mapping[int, list[str]]:
    done = Slot.objects.filter(item__in=keys, kind=Slot.Kind.SEAT, state=Slot.State.DONE).order_by("number")
    names: dict[int, list[str]] = defaultdict(list)
    for item, name in done.values_list("item", "rater__username"):
        names[item].append(name)
    return names


def _read_defects(campaign: Campaign, keys: Sequence[int]) -> Mapping[int, list[str]]:
    """Return the names of the defects of each item, those that most raters named first, with their number."""
    labels = {defect["id"]: defect["label"] for defect in campaign.taxonomy}
    rows = ItemDefect.objects.filter(item__in=keys).order_by("-rating_count", "defect")
    names: dict[int, list[str]] = defaultdict(list)
    for item, defect, count in rows.values_list("item", "defect", "rating_count"):
        label = labels.get(defect, defect)
        names[item].append(f"{label} ×{count}" if count > 1 else label)
    return names
