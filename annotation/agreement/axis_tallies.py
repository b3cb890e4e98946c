"""Read one axis of a campaign as tallies: each distinct one, and how many items have it."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count

from annotation.agreement.basis import Basis, Spread, choose_spread
from annotation.models import Campaign, ItemSummary
from qsave.axes import Axis
from qsave.statistics.mos import Mos
from qsave.statistics.tallies import compute_pooled_sd_of, summarise_tallies, unpack_tally


@dataclass(frozen=True, slots=True)
class AxisTallies:
    """The distinct pairs of tallies of an axis, packed, each with its number of items: (all ratings, blind, items)."""

    axis: Axis
    counts: tuple[tuple[int, int, int], ...]

    @property
    def items(self) -> int:
        """Number of items of the campaign, rated or not."""
        return sum(items for _every, _blind, items in self.counts)

    @property
    def spread(self) -> Spread:
        """The SD within a clip for MOS intervals and plans, as in `agreement.figures.AxisAgreement`."""
        every = _pool((every, items) for every, _blind, items in self.counts)
        blind_counts = [(blind, items) for _every, blind, items in self.counts]
        has_others = any(every != blind for every, blind, _items in self.counts)
        return choose_spread(_pool(blind_counts, "blind" if has_others else ""), every)

    def summarise(self) -> dict[int, Mos]:
        """Return the MOS and interval of each packed tally with a rating."""
        packed = sorted({every for every, _blind, _items in self.counts if every})
        figures = summarise_tallies([unpack_tally(each) for each in packed], pooled=self.spread.sd)
        return dict(zip(packed, figures, strict=True))


def read_axis_tallies(campaign: Campaign, axis: Axis) -> AxisTallies:
    """Read the tallies of an axis from its index. One query."""
    items = ItemSummary.objects.filter(campaign=campaign).order_by()
    counts = items.values_list(f"{axis.value}_tally", f"{axis.value}_blind_tally").annotate(items=Count("*"))
    return AxisTallies(axis, tuple(counts))


def _pool(packed: Iterable[tuple[int, int]], kind: str = "") -> Spread:
    tallies = [(unpack_tally(each), items) for each, items in packed if each]
    ratings = sum(tally.n * items for tally, items in tallies)
    clips = sum(items for _tally, items in tallies)
    paired = sum(items for tally, items in tallies if tally.n >= 2)
    return Spread(compute_pooled_sd_of(tallies), Basis(ratings, clips, paired, kind))
