"""The table of raters on the agreement page: work, conduct, and how each rater compares with the counted others."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import TypeVar

import numpy as np

from annotation.agreement.answers import CountedAnswers
from annotation.agreement.rater_inputs import RaterInputs
from annotation.models import Screening, Slot
from qsave.axes import AXES, Axis
from qsave.json_records import NOT_STORED
from qsave.statistics.figures import Figure, Undefined
from qsave.statistics.raters import Matches, RaterFigures, compute_rater_figures, count_matches
from qsave.statistics.screening import ScreenedRater, screen_raters

Row = TypeVar("Row", RaterFigures, ScreenedRater)


@dataclass(frozen=True, slots=True)
class RaterRow:
    """One rater: work, figures on each axis, and whether they were screened out when these were computed.

    `verdict` is the present one, which pages add; None without a verdict.
    """

    rater: int
    name: str
    is_simulated: bool
    ratings: int
    seconds: Figure
    watched: Figure
    drafts_confirmed: Figure
    gold: Matches
    repeats: Matches
    qualification: Figure
    axes: Mapping[Axis, RaterFigures]
    bt500: Mapping[Axis, ScreenedRater]
    is_screened: bool
    verdict: Screening | None = field(default=None, metadata=NOT_STORED)

    @property
    def shared(self) -> int:
        """Clips shared with counted others, behind bias, inconsistency and SRCC; on the axis with fewest."""
        return min((figures.shared for figures in self.axes.values()), default=0)

    @property
    def spread(self) -> Figure:
        """SD of the rater's own scores, averaged over the axes."""
        spreads = [one.spread for one in self.axes.values() if not isinstance(one.spread, Undefined)]
        return fmean(spreads) if spreads else Undefined("one score has no spread")


def make_rater_rows(answers: CountedAnswers, inputs: RaterInputs, screened: Collection[int]) -> tuple[RaterRow, ...]:
    """Make a row for every rater of `answers`, which hold those of `screened` raters too."""
    by_axis = {axis: answers.on_axis(axis) for axis in AXES}
    tables = {axis: own.make_table() for axis, own in by_axis.items() if len(own)}
    figures = {axis: _key_by_rater(compute_rater_figures(table, screened=screened)) for axis, table in tables.items()}
    screening = {axis: _key_by_rater(screen_raters(table)) for axis, table in tables.items()}
    golds, repeats = _pair_checks(answers, inputs)
    raters, counts = np.unique(answers.ratings.rater[np.unique(answers.rating)], return_counts=True)
    ratings = dict(zip(raters.tolist(), counts.tolist(), strict=True))
    seconds, watched = inputs.sittings.compute_means()
    confirmed = _compute_confirmed(answers)
    return tuple(
        RaterRow(
            rater=rater,
            name=name,
            is_simulated=is_simulated,
            ratings=ratings[rater],
            seconds=seconds.get(rater, _UNKNOWN),
            watched=watched.get(rater, _UNKNOWN),
            drafts_confirmed=confirmed.get(rater, _NO_DRAFT),
            gold=count_matches(golds.get(rater, ())),
            repeats=count_matches(repeats.get(rater, ())),
            qualification=inputs.qualified.get(rater, _NOT_QUALIFIED),
            axes={axis: rows[rater] for axis, rows in figures.items() if rater in rows},
            bt500={axis: rows[rater] for axis, rows in screening.items() if rater in rows},
            is_screened=rater in screened,
        )
        for rater, name, is_simulated in inputs.people
        if rater in ratings
    )


_UNKNOWN = Undefined("nothing was measured")
_NO_DRAFT = Undefined("no draft was shown")
_NOT_QUALIFIED = Undefined("has not been through the qualification clips")
Pairs = dict[int, list[tuple[float, float]]]


def _key_by_rater(rows: Iterable[Row]) -> dict[int, Row]:
    return {int(str(row.rater)): row for row in rows}


def _pair_checks(answers: CountedAnswers, inputs: RaterInputs) -> tuple[Pairs, Pairs]:
    """Return the pairs by rater: (given, known) on items with known scores, (first, again) on repeats."""
    repeated = {item for kind, item, _rater, _axis, _score in inputs.checks if kind == Slot.Kind.REPEAT}
    own = answers.keep(np.isin(answers.item, sorted(repeated | inputs.known.keys())))
    columns = (own.item.tolist(), own.rater.tolist(), own.axis.tolist(), own.score.tolist())
    given = [(item, rater, AXES[axis], score) for item, rater, axis, score in zip(*columns, strict=True)]
    first = {(item, rater, axis): score for item, rater, axis, score in given}
    on_golds = [each for each in given if each[0] in inputs.known]
    golds: Pairs = {}
    repeats: Pairs = {}
    for kind, item, rater, axis, score in inputs.checks:
        if kind == Slot.Kind.GOLD:
            on_golds.append((item, rater, axis, score))
        elif (item, rater, axis) in first:
            repeats.setdefault(rater, []).append((float(first[item, rater, axis]), float(score)))
    for item, rater, axis, score in on_golds:
        if axis in inputs.known.get(item, {}):
            golds.setdefault(rater, []).append((float(score), float(inputs.known[item][axis])))
    return golds, repeats


def _compute_confirmed(answers: CountedAnswers) -> dict[int, float]:
    """Return by rater the share of answers beside a draft that left it unedited."""
    beside = answers.keep(answers.is_exposed)
    raters, codes, counts = np.unique(beside.rater, return_inverse=True, return_counts=True)
    shares = np.bincount(codes, weights=beside.is_confirmed) / counts
    return dict(zip(raters.tolist(), shares.tolist(), strict=True))
