"""The order of the list of clips, and its pages: the next clips after a position, or the ones before it.

A position is the sort value and the item of a row, and stays valid when clips change. Nothing is counted off, so the
last page costs as much as the first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property

from django.db.models import BooleanField, Case, F, Func, IntegerField, Q, QuerySet, Value, When

from accounts.query_plans import plan_by_values
from annotation.agreement.axis_tallies import AxisTallies
from annotation.agreement.clip_filter import COLUMN_SORTS, TEXT_COLUMNS, ClipFilter, select_summaries
from annotation.models import Campaign, ItemSummary
from qsave.statistics.mos import Mos

COUNT_LIMIT = 1000
FIRST_PART = 1000
"""Clips in the first part of the tallies, if filters leave some of them out."""
Position = tuple[str, int]
"""A row's sort value as text, and its item."""


@dataclass(frozen=True)
class ClipOrder:
    """The clips wanted, in their order."""

    campaign: Campaign
    wanted: ClipFilter
    tallies: AxisTallies
    figures: Mapping[int, Mos]

    @classmethod
    def of(cls, campaign: Campaign, wanted: ClipFilter, tallies: AxisTallies) -> "ClipOrder":
        return cls(campaign, wanted, tallies, tallies.summarise())

    def read_keys(self, position: Position | None, *, limit: int, backward: bool = False) -> list[Position]:
        """Return the positions after `position` (before it if `backward`, nearest first); from the first without."""
        with self._plan():
            if self.wanted.sort in COLUMN_SORTS:
                return self._read_by_column(position, limit, backward)
            return self._read_by_tally(position, limit, backward)

    @cached_property
    def count(self) -> int:
        """Number of clips wanted, up to COUNT_LIMIT + 1 if columns limit them."""
        if self.wanted.limits_columns:
            # In the order of an index: the database stops at the limit, instead of reading all of them.
            with self._plan():
                return self._select().order_by("item")[: COUNT_LIMIT + 1].count()
        return sum(self._fitting_counts.values()) - (0 if self.wanted.limits_figures else self._count_withdrawn())

    def _count_withdrawn(self) -> int:
        """Count the clips that are in the tallies, without a figure, but not in the list."""
        return ItemSummary.objects.filter(campaign=self.campaign, state=ItemSummary.State.WITHDRAWN).count()

    def find_position(self, item_id: int) -> Position | None:
        """Return the position of an item of the campaign, whether it is wanted or not."""
        column = COLUMN_SORTS.get(self.wanted.sort, self._tally_column)
        value = ItemSummary.objects.filter(campaign=self.campaign, pk=item_id).values_list(column, flat=True).first()
        return None if value is None else (str(value), item_id)

    @property
    def _tally_column(self) -> str:
        return f"{self.wanted.axis.value}_tally"

    def _plan(self) -> AbstractContextManager[None]:
        """Plan a search by its text: a plan for texts that fit few clips reads every clip that a common word fits."""
        return plan_by_values() if self.wanted.text else nullcontext()

    def _select(self) -> QuerySet[ItemSummary]:
        rows = select_summaries(self.campaign, self.wanted)
        if self.wanted.limits_figures:
            rows = rows.filter(**{f"{self._tally_column}__in": list(self._fitting_counts)})
        return rows

    @cached_property
    def _fitting_counts(self) -> dict[int, int]:
        """Each packed tally that the limits on figures allow, with its number of clips, whatever limits the columns."""
        counts: dict[int, int] = {}
        for tally, _blind, items in self.tallies.counts:
            figure = self.figures.get(tally)
            if not self.wanted.limits_figures or (figure is not None and self._fits(figure)):
                counts[tally] = counts.get(tally, 0) + items
        return counts

    def _fits(self, figure: Mos) -> bool:
        wanted = self.wanted
        return (
            (wanted.mos_from is None or figure.mos >= wanted.mos_from)
            and (wanted.mos_to is None or figure.mos <= wanted.mos_to)
            and (wanted.least_width is None or figure.high - figure.low >= wanted.least_width)
        )

    def _read_by_column(self, position: Position | None, limit: int, backward: bool) -> list[Position]:
        column = COLUMN_SORTS[self.wanted.sort]
        columns = list(dict.fromkeys([column, "item_id"]))
        falling = self.wanted.descending != backward
        rows = self._select().order_by(*(f"-{name}" if falling else name for name in columns))
        if position is not None:
            value = position[0] if column in TEXT_COLUMNS else int(position[0])
            values = [position[1]] if column == "item_id" else [value, position[1]]
            rows = rows.filter(compare_rows(columns, "<" if falling else ">", values))
        return [(str(value), item) for value, item in rows.values_list(column, "item_id")[:limit]]

    def _read_by_tally(self, position: Position | None, limit: int, backward: bool) -> list[Position]:
        """Read the items of the next tallies in the order of their figures, as many tallies as it takes."""
        order = sorted(self._fitting_counts, key=self._make_tally_key, reverse=backward)
        rows = select_summaries(self.campaign, self.wanted)
        if position is not None:
            first, item = int(position[0]), position[1]
            order = [tally for tally in order if tally == first or self._follows(tally, first, backward)]
            passed = Q(item__gte=item) if backward else Q(item__lte=item)
            rows = rows.exclude(passed, **{self._tally_column: first})
        positions: list[Position] = []
        for tallies in self._split_tallies(order, limit):
            ranks = [When(**{self._tally_column: tally}, then=Value(rank)) for rank, tally in enumerate(tallies)]
            next_rows = rows.filter(**{f"{self._tally_column}__in": tallies}).order_by(
                Case(*ranks, output_field=IntegerField()), "-item" if backward else "item"
            )
            pairs = next_rows.values_list(self._tally_column, "item_id")[: limit - len(positions)]
            positions += [(str(tally), item) for tally, item in pairs]
            if len(positions) == limit:
                break
        return positions

    def _split_tallies(self, order: Sequence[int], limit: int) -> Iterator[Sequence[int]]:
        """Split tallies into parts to read one after the other.

        Few clips are sorted in one query. Of many, a small part has enough for a page. Each part has four times the
        clips of the one before, so that a page needs few queries even if filters leave out most clips of each part.
        """
        if self.count <= COUNT_LIMIT:
            yield order
            return
        start, size, enough = 0, 0, FIRST_PART if self.wanted.limits_columns else limit
        for end, tally in enumerate(order, start=1):
            size += self._fitting_counts[tally]
            if size >= enough:
                yield order[start:end]
                start, size, enough = end, 0, 4 * enough
        if start < len(order):
            yield order[start:]

    def _follows(self, tally: int, other: int, backward: bool) -> bool:
        key, other_key = self._make_tally_key(tally), self._make_tally_key(other)
        return key < other_key if backward else key > other_key

    def _make_tally_key(self, tally: int) -> tuple[bool, float, int]:
        """Return what tallies are sorted by: the figure, clips without a rating last, and among equals the tally."""
        figure = self.figures.get(tally)
        if figure is None:
            return True, 0.0, tally
        value = figure.mos if self.wanted.sort == "mos" else figure.high - figure.low
        return False, -value if self.wanted.descending else value, tally


def compare_rows(columns: Iterable[str], sign: str, values: Iterable[str | int]) -> Func:
    """Compare columns with values as one row, (a, b) > (1, 2), which one index answers."""
    rows = [
        Func(*parts, template="(%(expressions)s)", output_field=IntegerField())
        for parts in (map(F, columns), map(Value, values))
    ]
    return Func(*rows, template="%(expressions)s", arg_joiner=f" {sign} ", output_field=BooleanField())
