"""How far people agree in a campaign: what the lead's page shows, in a bounded number of queries.

Alpha, MOS and the tables of generators and arms rest on the raters that are kept; the table of raters shows everybody,
so that a verdict can be taken back. Undefined figures say why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean

from accounts.models import User
from annotation.models import Arm, Campaign, Draft, Item, Qualification, Screening, Slot
from annotation.reads.scores import Score, Sitting, newest_verdicts, read_checks, read_scores, read_sittings, table_of
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.report_card import card_from_json
from qsave.statistics.alpha import Alpha, krippendorff_alpha
from qsave.statistics.anchoring import Anchoring, EditDistances, anchoring, edit_distances
from qsave.statistics.ceiling import Reach, reach
from qsave.statistics.figures import Estimate, Figure, Undefined
from qsave.statistics.generators import GeneratorFigures, generator_table
from qsave.statistics.icc import OneWay, icc_one_way
from qsave.statistics.mos import LEAST_SD, Mos, mean_over_items, pooled_sd, summarise
from qsave.statistics.raters import Matches, RaterFigures, matches, rater_figures
from qsave.statistics.screening import ScreenedRater, bt500
from qsave.statistics.table import RatingTable

RESAMPLES = 400
FALLBACK_SD = 1.0
"""Stands for the pooled SD while no item has two ratings: about what five-level scales show."""


@dataclass(frozen=True, slots=True)
class AxisAgreement:
    """One axis over the whole campaign. `levels` counts the scores 1..5."""

    axis: Axis
    ratings: int
    alpha: Alpha
    icc: OneWay
    reach: Reach
    mos: Estimate
    pooled_sd: Figure
    levels: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class MosRow:
    """One item with its MOS on each axis; an axis that nobody rated is missing."""

    item: int
    clip: int
    clip_id: str
    prompt: str
    prompt_group: int
    generator: str
    split: str
    mos: Mapping[Axis, Mos]


@dataclass(frozen=True, slots=True)
class RaterRow:
    """One rater: work done, figures on each axis, and the verdict that stands (None: no verdict, so kept)."""

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
    verdict: Screening | None

    @property
    def is_screened(self) -> bool:
        return self.verdict is not None and self.verdict.verdict == Screening.Verdict.SCREENED


@dataclass(frozen=True, slots=True)
class ArmRow:
    """The blind arm beside the assisted one, on one axis, and what became of drafted reasons."""

    axis: Axis
    anchoring: Anchoring
    edits: EditDistances


@dataclass(frozen=True)
class Agreement:
    """A campaign's agreement. What a page may not need is computed when it is asked for."""

    campaign: Campaign
    axes: tuple[AxisAgreement, ...]
    rows: tuple[MosRow, ...]
    raters: tuple[RaterRow, ...]
    kept: Sequence[Score] = field(repr=False)

    @property
    def ratings(self) -> int:
        """Ratings that count."""
        return len({(one.item, one.rater) for one in self.kept})

    @property
    def screened_out(self) -> int:
        return sum(rater.is_screened for rater in self.raters)

    @cached_property
    def arms(self) -> tuple[ArmRow, ...]:
        """Blind against assisted, axis by axis. One query."""
        drafts = _drafted_scores({one.draft for one in self.kept if one.draft is not None})
        return tuple(_arm_row(axis, self.kept, drafts) for axis in AXES)

    @cached_property
    def generators(self) -> dict[Axis, tuple[GeneratorFigures, ...]]:
        """Mean MOS of each generator, with intervals over prompt groups."""
        return {
            axis: generator_table(
                (row.generator, row.prompt_group, row.mos[axis].mos) for row in self.rows if axis in row.mos
            )
            for axis in AXES
        }


def agreement(campaign: Campaign, *, arm: Arm | None = None) -> Agreement:
    """All of a campaign, or of one arm. Eight queries, whatever its size."""
    scores = read_scores(campaign, only=arm)
    verdicts = newest_verdicts(campaign)
    out = {rater for rater, one in verdicts.items() if one.verdict == Screening.Verdict.SCREENED}
    kept = [one for one in scores if one.rater not in out]
    tables = {axis: table_of(kept, axis) for axis in AXES}
    mos = {axis: _summary(table) for axis, table in tables.items()}
    rows = _mos_rows(campaign, mos)
    prompt_groups = {row.item: row.prompt_group for row in rows}
    return Agreement(
        campaign=campaign,
        axes=tuple(_axis(axis, tables[axis], mos[axis], prompt_groups) for axis in AXES),
        rows=rows,
        raters=_rater_rows(campaign, scores, read_sittings(campaign), verdicts),
        kept=kept,
    )


def mos_rows(campaign: Campaign) -> tuple[MosRow, ...]:
    """Every rated item with its MOS, screened raters left out: three queries."""
    out = {r for r, one in newest_verdicts(campaign).items() if one.verdict == Screening.Verdict.SCREENED}
    kept = [one for one in read_scores(campaign) if one.rater not in out]
    return _mos_rows(campaign, {axis: _summary(table_of(kept, axis)) for axis in AXES})


def _summary(table: RatingTable) -> tuple[Mos, ...]:
    if not len(table):
        return ()
    spread = pooled_sd(table)
    return summarise(table, prior_sd=FALLBACK_SD if isinstance(spread, Undefined) else max(spread, LEAST_SD))


def _axis(axis: Axis, table: RatingTable, mos: Sequence[Mos], prompt_groups: Mapping[int, int]) -> AxisAgreement:
    levels = range(MIN_LEVEL, MAX_LEVEL + 1)
    return AxisAgreement(
        axis=axis,
        ratings=len(table),
        alpha=krippendorff_alpha(table, "ordinal", resamples=RESAMPLES),
        icc=icc_one_way(table),
        reach=reach(table, resamples=RESAMPLES),
        mos=mean_over_items([one.mos for one in mos], [prompt_groups[int(str(one.item))] for one in mos]),
        pooled_sd=pooled_sd(table),
        levels=tuple((str(level), int((table.scores == level).sum())) for level in levels),
    )


def _mos_rows(campaign: Campaign, mos: Mapping[Axis, Sequence[Mos]]) -> tuple[MosRow, ...]:
    by_item: dict[int, dict[Axis, Mos]] = {}
    for axis, figures in mos.items():
        for one in figures:
            by_item.setdefault(int(str(one.item)), {})[axis] = one
    items = Item.objects.filter(campaign=campaign).order_by("pk")
    fields = ("pk", "clip", "clip__clip_id", "clip__prompt", "clip__prompt_group", "clip__generator")
    found = items.values_list(*fields, "clip__prompt_group__split")
    return tuple(
        MosRow(pk, clip, clip_id, prompt, group, generator, split, by_item[pk])
        for pk, clip, clip_id, prompt, group, generator, split in found.iterator(chunk_size=5000)
        if pk in by_item
    )


def _rater_rows(
    campaign: Campaign, scores: Sequence[Score], sittings: Sequence[Sitting], verdicts: Mapping[int, Screening]
) -> tuple[RaterRow, ...]:
    tables = {axis: table_of(scores, axis) for axis in AXES}
    out = {rater for rater, one in verdicts.items() if one.verdict == Screening.Verdict.SCREENED}
    figures = {
        axis: {row.rater: row for row in rater_figures(table, screened=out)}
        for axis, table in tables.items()
        if len(table)
    }
    screening = {axis: {row.rater: row for row in bt500(table)} for axis, table in tables.items() if len(table)}
    golds, repeats = _check_pairs(campaign, scores)
    qualified = dict(Qualification.objects.filter(campaign=campaign).values_list("rater", "share"))
    counts: dict[int, int] = {}
    for rater, _ in {(one.rater, one.item) for one in scores}:
        counts[rater] = counts.get(rater, 0) + 1
    conduct = _conduct(scores, sittings)
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
            gold=matches(golds.get(person.pk, ())),
            repeats=matches(repeats.get(person.pk, ())),
            qualification=qualified.get(person.pk, _NOT_QUALIFIED),
            axes={axis: rows[person.pk] for axis, rows in figures.items() if person.pk in rows},
            bt500={axis: rows[person.pk] for axis, rows in screening.items() if person.pk in rows},
            verdict=verdicts.get(person.pk),
        )
        for person in people
    )


Pairs = dict[int, list[tuple[float, float]]]


def _check_pairs(campaign: Campaign, scores: Sequence[Score]) -> tuple[Pairs, Pairs]:
    """Per rater: (given, known) on items whose scores are known, and (first, again) on repeats. Two queries."""
    known: dict[int, dict[str, float]] = {
        pk: gold or {}
        for pk, gold in Item.objects.filter(campaign=campaign, gold__isnull=False).values_list("pk", "gold")
    }
    first = {(one.item, one.rater, one.axis): one.score for one in scores}
    golds: Pairs = {}
    repeats: Pairs = {}
    given = [(one.item, one.rater, one.axis, one.score) for one in scores]
    for kind, item, rater, axis, score in read_checks(campaign):
        if kind == Slot.Kind.GOLD:
            given.append((item, rater, axis, score))
        elif (item, rater, axis) in first:
            repeats.setdefault(rater, []).append((float(first[item, rater, axis]), float(score)))
    for item, rater, axis, score in given:
        if axis in known.get(item, {}):
            golds.setdefault(rater, []).append((float(score), float(known[item][axis])))
    return golds, repeats


_UNKNOWN = Undefined("nothing was measured")
_NO_DRAFT = Undefined("no draft was shown")
_NOT_QUALIFIED = Undefined("has not been through the qualification clips")


def _conduct(scores: Sequence[Score], sittings: Sequence[Sitting]) -> dict[str, dict[int, Figure]]:
    """Per rater: mean seconds a rating, mean share watched, share of shown drafts confirmed as they stood."""
    seconds: dict[int, list[float]] = {}
    watched: dict[int, list[float]] = {}
    confirmed: dict[int, list[float]] = {}
    for sitting in sittings:
        seconds.setdefault(sitting.rater, []).append(sitting.seconds)
        if sitting.watched is not None:
            watched.setdefault(sitting.rater, []).append(sitting.watched)
    for one in scores:
        if one.draft is not None:
            confirmed.setdefault(one.rater, []).append(float(one.draft_use == "confirmed"))
    return {"seconds": _means(seconds), "watched": _means(watched), "confirmed": _means(confirmed)}


def _means(measures: Mapping[int, Sequence[float]]) -> dict[int, Figure]:
    return {rater: fmean(values) for rater, values in measures.items()}


def _drafted_scores(draft_ids: set[int]) -> dict[int, tuple[int, dict[Axis, float]]]:
    """Of each draft that was shown: its item and its scores."""
    cards = Draft.objects.filter(pk__in=draft_ids).values_list("pk", "item", "card")
    return {pk: (item, card_from_json(card).scores) for pk, item, card in cards.iterator()}


def _arm_row(axis: Axis, kept: Sequence[Score], drafts: Mapping[int, tuple[int, dict[Axis, float]]]) -> ArmRow:
    on_axis = [one for one in kept if one.axis == axis]
    return ArmRow(
        axis=axis,
        anchoring=anchoring(
            ((one.item, one.arm == Arm.ASSISTED, float(one.score)) for one in on_axis),
            {item: scores[axis] for item, scores in drafts.values()},
            resamples=RESAMPLES,
        ),
        edits=edit_distances(one.edit_distance for one in on_axis if one.edit_distance is not None),
    )
