"""The table of raters on the agreement page: work, conduct, and how each rater compares with the counted others."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from accounts.models import User
from annotation.agreement.scores import Score, Sitting, make_table, read_checks
from annotation.models import Campaign, Exposure, Item, Qualification, Screening, Slot
from annotation.raters.screening import is_screened, list_screened_raters
from qsave.axes import AXES, Axis
from qsave.json_records import NOT_STORED
from qsave.statistics.figures import Figure, Undefined
from qsave.statistics.raters import Matches, RaterFigures, compute_rater_figures, count_matches
from qsave.statistics.screening import ScreenedRater, screen_raters


@dataclass(frozen=True, slots=True)
class RaterRow:
    """One rater: work, figures on each axis, and the newest verdict (None: no verdict, so the rater counts)."""

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
    verdict: Screening | None = field(default=None, metadata=NOT_STORED)

    @property
    def shared(self) -> int:
        """Clips shared with counted others, behind bias, inconsistency and SRCC; on the axis with fewest."""
        return min((figures.shared for figures in self.axes.values()), default=0)

    @property
    def is_screened(self) -> bool:
        return is_screened(self.verdict)


def read_rater_rows(
    campaign: Campaign, scores: Sequence[Score], sittings: Sequence[Sitting], verdicts: Mapping[int, Screening]
) -> tuple[RaterRow, ...]:
    """Return a row for every rater of `scores`. Four queries."""
    tables = {axis: make_table(scores, axis) for axis in AXES}
    screened = list_screened_raters(verdicts)
    figures = {
        axis: {row.rater: row for row in compute_rater_figures(table, screened=screened)}
        for axis, table in tables.items()
        if len(table)
    }
    screening = {axis: {row.rater: row for row in screen_raters(table)} for axis, table in tables.items() if len(table)}
    golds, repeats = _read_check_pairs(campaign, scores)
    qualified = dict(Qualification.objects.filter(campaign=campaign).values_list("rater", "share"))
    counts = Counter(rater for rater, _item in {(score.rater, score.item) for score in scores})
    conduct = _compute_conduct(scores, sittings)
    people = User.objects.filter(pk__in=counts).order_by("username", "pk")
    return tuple(
        RaterRow(
            rater=person.pk,
            name=str(person),
            is_simulated=person.is_simulated,
            ratings=counts[person.pk],
            seconds=conduct["seconds"].get(person.pk, _UNKNOWN),
            watched=conduct["watched"].get(person.pk, _UNKNOWN),
            drafts_confirmed=conduct["confirmed"].get(person.pk, _NO_DRAFT),
            gold=count_matches(golds.get(person.pk, ())),
            repeats=count_matches(repeats.get(person.pk, ())),
            qualification=qualified.get(person.pk, _NOT_QUALIFIED),
            axes={axis: rows[person.pk] for axis, rows in figures.items() if person.pk in rows},
            bt500={axis: rows[person.pk] for axis, rows in screening.items() if person.pk in rows},
            verdict=verdicts.get(person.pk),
        )
        for person in people
    )


Pairs = dict[int, list[tuple[float, float]]]


def _read_check_pairs(campaign: Campaign, scores: Sequence[Score]) -> tuple[Pairs, Pairs]:
    """Return the pairs by rater: (given, known) on items with known scores, (first, again) on repeats. Two queries."""
    known: dict[int, dict[str, float]] = {
        pk: gold or {}
        for pk, gold in Item.objects.filter(campaign=campaign, gold__isnull=False).values_list("pk", "gold")
    }
    checks = read_checks(campaign)
    on_golds = [(score.item, score.rater, score.axis, score.score) for score in scores if score.item in known]
    repeated = {(item, rater) for kind, item, rater, _axis, _score in checks if kind == Slot.Kind.REPEAT}
    of_repeated = [score for score in scores if (score.item, score.rater) in repeated]
    first = {(score.item, score.rater, score.axis): score.score for score in of_repeated}
    golds: Pairs = {}
    repeats: Pairs = {}
    for kind, item, rater, axis, score in checks:
        if kind == Slot.Kind.GOLD:
            on_golds.append((item, rater, axis, score))
        elif (item, rater, axis) in first:
            repeats.setdefault(rater, []).append((float(first[item, rater, axis]), float(score)))
    for item, rater, axis, score in on_golds:
        if axis in known.get(item, {}):
            golds.setdefault(rater, []).append((float(score), float(known[item][axis])))
    return golds, repeats


_UNKNOWN = Undefined("nothing was measured")
_NO_DRAFT = Undefined("no draft was shown")
_NOT_QUALIFIED = Undefined("has not been through the qualification clips")


def _compute_conduct(scores: Sequence[Score], sittings: Sequence[Sitting]) -> dict[str, dict[int, Figure]]:
    """Return by rater the mean seconds per rating, the mean share watched, and the share of drafts confirmed."""
    seconds: dict[int, list[float]] = {}
    watched: dict[int, list[float]] = {}
    confirmed: dict[int, list[float]] = {}
    for sitting in sittings:
        seconds.setdefault(sitting.rater, []).append(sitting.seconds)
        if sitting.watched is not None:
            watched.setdefault(sitting.rater, []).append(sitting.watched)
    for score in scores:
        if score.exposure != Exposure.NONE:
            confirmed.setdefault(score.rater, []).append(float(score.draft_use == "confirmed"))
    return {
        "seconds": _compute_means(seconds),
        "watched": _compute_means(watched),
        "confirmed": _compute_means(confirmed),
    }


def _compute_means(measures: Mapping[int, Sequence[float]]) -> dict[int, Figure]:
    return {rater: fmean(values) for rater, values in measures.items()}
