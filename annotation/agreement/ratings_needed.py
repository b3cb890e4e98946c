"""How many ratings a clip needs before its MOS is known to within 0.3, and how many a campaign lacks."""

from dataclasses import dataclass, field

from django.db.models import Count, F, FloatField, Sum
from django.db.models.functions import Cast

from annotation.agreement.basis import Basis, Spread, choose_spread
from annotation.agreement.scores import select_counted_answers
from annotation.models import Campaign, make_blind_condition
from annotation.raters.screening import read_screened_raters
from qsave.axes import AXES, Axis
from qsave.statistics.figures import Figure, Undefined
from qsave.statistics.mos import LEAST_SD, compute_half_width, count_ratings_needed

HALF_WIDTH = 0.3


@dataclass(frozen=True, slots=True)
class Needed:
    """One axis. `now` is the half width that the overlap gives; `more` is how many rating slots a clip lacks.

    `thin` is the sentence to show first if the spread rests on too few clips.
    """

    axis: Axis
    sd: Figure
    ratings: int | Undefined
    more: int | Undefined
    now: Figure
    thin: str


def compute_needed(axis: Axis, spread: Spread, overlap: int) -> Needed:
    """Return how many ratings a spread within clips needs; if the spread is undefined, the same reason."""
    sd, thin = spread.sd, spread.basis.thin
    if isinstance(sd, Undefined):
        return Needed(axis, sd, sd, sd, sd, thin)
    least = max(sd, LEAST_SD)
    ratings = count_ratings_needed(least, HALF_WIDTH)
    now: Figure = compute_half_width(least, overlap) if overlap > 1 else Undefined("one rating has no interval")
    return Needed(axis, sd, ratings, max(0, ratings - overlap), now, thin)


@dataclass(slots=True)
class _Sums:
    """The number, sum and sum of squares of each clip's scores."""

    clips: dict[int, tuple[int, float, float]] = field(default_factory=dict)

    def add(self, item: int, n: int, total: float, squares: float) -> None:
        before = self.clips.get(item, (0, 0.0, 0.0))
        self.clips[item] = (before[0] + n, before[1] + total, before[2] + squares)

    def pool(self, kind: str = "") -> Spread:
        """Pool the spread within clips. Scores are whole levels, so the sums lose no precision."""
        rows = self.clips.values()
        ratings = sum(n for n, _total, _squares in rows)
        basis = Basis(ratings, len(rows), sum(n >= 2 for n, _total, _squares in rows), kind)
        if ratings <= len(rows):
            return Spread(Undefined("no clip has two ratings, so their spread is unknown"), basis)
        squares = sum(squares - total**2 / n for n, total, squares in rows)
        return Spread(float((squares / (ratings - len(rows))) ** 0.5), basis)


def read_needed(campaign: Campaign) -> list[Needed]:
    """Return each axis, from counted ratings. Two queries: the database adds up each clip's scores."""
    by_clip = (
        select_counted_answers(campaign)
        .exclude(revision__rating__rater__in=read_screened_raters(campaign))
        .annotate(is_blind=make_blind_condition("revision__rating__"))
        .order_by()
        .values_list("axis", "is_blind", "revision__rating__item")
        .annotate(n=Count("pk"), total=Sum("score"), squares=Sum(Cast(F("score") * F("score"), FloatField())))
    )
    blind = {axis.value: _Sums() for axis in AXES}
    both = {axis.value: _Sums() for axis in AXES}
    for axis, is_blind, item, *sums in by_clip.iterator():
        both[axis].add(item, *sums)
        if is_blind:
            blind[axis].add(item, *sums)
    return [
        compute_needed(axis, _choose_spread(blind[axis.value], both[axis.value]), campaign.overlap) for axis in AXES
    ]


def _choose_spread(blind: _Sums, both: _Sums) -> Spread:
    has_others = sum(n for n, *_ in blind.clips.values()) < sum(n for n, *_ in both.clips.values())
    return choose_spread(blind.pool("blind" if has_others else ""), both.pool())
