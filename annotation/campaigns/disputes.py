"""Which clips are disputed, and how much: the only place of this rule, computed from the summaries of clips.

A clip is disputed if no rating slot is left that could still settle it, and its scores of an axis differ by more than
the campaign's bound, or a defect is contested (`qsave.consensus`).

The dispute of an axis is what the campaign's spread does not explain: with n ratings, the sum of squared deviations is
on average (n - 1) times the squared pooled SD of the axis. The dispute is the quotient of the two variances times
(n - 1), less (n - 1), at least 0; plus 1 if the scores have no consensus, and 1 for each contested defect. That of a
clip is the sum over its axes.
"""

from collections.abc import Iterable, Mapping

from django.db.models import FloatField, IntegerField, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Floor, Greatest, NullIf

from annotation.campaigns.tally_columns import count_scores, sum_scores, sum_squares
from annotation.models import ItemSummary
from qsave.axes import AXES, Axis

PRECISION = 100
"""Disputes are stored in no table; a query computes them in hundredths, so that they compare exactly."""


def select_disputed(bound: int | Combinable, axes: Iterable[Axis] = AXES) -> Q:
    """Select the summaries of clips that are disputed on one of these axes, reviewed or not."""
    disputed = Q()
    for axis in axes:
        disputed |= Q((f"{axis.value}_gap__gt", bound)) | Q((f"{axis.value}_contested__gt", 0))
    return disputed & Q(state=ItemSummary.State.RATED)


def select_waiting(bound: int | Combinable) -> Q:
    """Select the summaries of disputed clips that no lead has reviewed; an index finds the few with a wide gap."""
    contested = Q(*(Q((f"{axis.value}_contested__gt", 0)) for axis in AXES), _connector=Q.OR)
    return (Q(spread__gt=bound) | contested) & Q(state=ItemSummary.State.RATED, is_reviewed=False)


def annotate_disputes(
    rows: QuerySet[ItemSummary], spreads: Mapping[Axis, float], axes: Iterable[Axis] = AXES
) -> QuerySet[ItemSummary]:
    """Add `dispute`, in 1/PRECISION, over these axes; `spreads` has the pooled SD of each axis, in levels."""
    parts = [_measure(axis, spreads[axis]) for axis in axes]
    total = sum(parts[1:], start=parts[0])
    return rows.annotate(dispute=Cast(Floor(total * float(PRECISION) + 0.5), IntegerField()))


def _measure(axis: Axis, spread: float) -> Combinable:
    n, total, squares = (Cast(part(axis), FloatField()) for part in (count_scores, sum_scores, sum_squares))
    deviations = squares - total * total / NullIf(n, Value(0.0))
    expected = n - 1.0
    excess = deviations / (spread**2 or 1.0) - expected
    is_split = Cast(Cast(f"{axis.value}_is_split", IntegerField()), FloatField())
    contested = Cast(f"{axis.value}_contested", FloatField())
    return Greatest(Coalesce(excess, Value(0.0)), Value(0.0)) + is_split + contested
