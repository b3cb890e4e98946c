"""How many ratings a clip needs before its MOS is known to within 0.3, and what that asks of a campaign."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, F, FloatField, Sum
from django.db.models.functions import Cast

from annotation.models import Campaign, Screening
from annotation.reads.scores import counted_answers, newest_verdicts
from qsave.axes import AXES, Axis
from qsave.statistics.figures import Figure, Undefined
from qsave.statistics.mos import LEAST_SD, interval_reach, ratings_needed

HALF_WIDTH = 0.3


@dataclass(frozen=True, slots=True)
class Needed:
    """One axis. `now` is the half width that the overlap gives; `more` is how many seats a clip lacks to `ratings`."""

    axis: Axis
    sd: Figure
    ratings: int | Undefined
    more: int | Undefined
    now: Figure


def needed_for(axis: Axis, sd: Figure, overlap: int) -> Needed:
    """What a spread within clips asks for; undefined with the reason that the spread is."""
    if isinstance(sd, Undefined):
        return Needed(axis, sd, sd, sd, sd)
    spread = max(sd, LEAST_SD)
    ratings = ratings_needed(spread, HALF_WIDTH)
    now: Figure = interval_reach(spread, overlap) if overlap > 1 else Undefined("one rating has no interval")
    return Needed(axis, sd, ratings, max(0, ratings - overlap), now)


def needed(campaign: Campaign) -> list[Needed]:
    """Each axis, from the ratings that count. Two queries: the database adds up each clip's scores."""
    out = [rater for rater, one in newest_verdicts(campaign).items() if one.verdict == Screening.Verdict.SCREENED]
    by_clip = (
        counted_answers(campaign)
        .exclude(revision__rating__rater__in=out)
        .order_by()
        .values_list("axis", "revision__rating__item")
        .annotate(n=Count("pk"), total=Sum("score"), squares=Sum(Cast(F("score") * F("score"), FloatField())))
    )
    sums: dict[str, list[tuple[int, float, float]]] = {axis.value: [] for axis in AXES}
    for axis, _item, n, total, squares in by_clip.iterator():
        sums[axis].append((n, total, squares))
    return [needed_for(axis, _pooled(sums[axis.value]), campaign.overlap) for axis in AXES]


def _pooled(clips: Iterable[tuple[int, float, float]]) -> Figure:
    """The pooled within-clip SD from each clip's count, sum and sum of squares (whole levels: nothing cancels)."""
    rows = list(clips)
    freedom = sum(n - 1 for n, _total, _squares in rows)
    if freedom <= 0:
        return Undefined("no clip has two ratings, so their spread is unknown")
    return float((sum(squares - total**2 / n for n, total, squares in rows) / freedom) ** 0.5)
