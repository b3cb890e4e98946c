"""How far people agree in a campaign: what the lead's page shows, in a bounded number of queries.

Every figure rests on raters who count; the table of raters shows everybody, so that a verdict can be taken back. Alpha,
ICC, the spread within a clip and the ceiling rest on blind ratings, with those of assisted ratings beside them. MOS and
generators rest on all counted ratings. Undefined figures say why, and thin ones say what they lack.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

from django.db.models import Count, Max, QuerySet

from accounts.models import AuditEntry
from annotation.agreement.basis import Basis, Spread, choose_spread
from annotation.agreement.rater_table import RaterRow, read_rater_rows
from annotation.agreement.scores import Score, read_scores, read_sittings, table_of
from annotation.models import Arm, Campaign, Draft, Item, RatingRevision
from annotation.raters.screening import list_screened_raters, read_screened_raters, read_verdicts
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.report_card import card_from_json
from qsave.statistics.alpha import krippendorff_alpha
from qsave.statistics.anchoring import Anchoring, EditDistances, anchoring, edit_distances
from qsave.statistics.ceiling import Reach, reach
from qsave.statistics.evidence import (
    DIFFERENCE,
    LEAST_CLIPS,
    LEVELS,
    RATIO,
    Scale,
    Weighed,
    compared_in_words,
    weigh,
)
from qsave.statistics.figures import Estimate, Undefined
from qsave.statistics.generators import GeneratorFigures, PairedDifference, generator_table, paired_differences
from qsave.statistics.icc import icc_one_way
from qsave.statistics.mixed import MixedModel, fit_mixed_model
from qsave.statistics.mos import Mos, mean_over_items, pooled_sd, summarise
from qsave.statistics.table import RatingTable

KEPT = 4
"""Campaigns whose figures a web process keeps."""
_NO_INTERVAL = Undefined("a spread is shown without an interval")

Tables = Mapping[Axis, RatingTable]


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far the ratings of one kind agree on one axis. `icc` is that of the mean of a clip's ratings."""

    basis: Basis
    alpha: Weighed
    icc: Weighed
    pooled_sd: Weighed


@dataclass(frozen=True, slots=True)
class AxisAgreement:
    """One axis over the whole campaign. `levels` counts the scores 1..5, `reach` rests on blind ratings."""

    axis: Axis
    basis: Basis
    blind: Reliability
    assisted: Reliability
    reach: Reach
    mos: Weighed
    spread: Spread
    """The SD within a clip that MOS intervals and plans use: that of blind ratings where it is known."""
    levels: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class MosRow:
    """One item with its MOS on each axis, plain and bias-corrected; an axis that nobody rated is missing."""

    item: int
    clip: int
    clip_id: str
    prompt: str
    prompt_group: int
    generator: str
    split: str
    mos: Mapping[Axis, Mos]
    corrected: Mapping[Axis, Mos]
    blind: Mapping[Axis, int]
    """How many of the ratings are blind."""


@dataclass(frozen=True, slots=True)
class ArmRow:
    """The blind arm beside the assisted one, on one axis, and what became of drafted reasons."""

    axis: Axis
    anchoring: Anchoring
    edits: EditDistances

    @property
    def thin(self) -> str:
        """The sentence that stands first where too few clips have ratings of both arms."""
        return compared_in_words(self.anchoring.items) if self.anchoring.items < LEAST_CLIPS else ""

    @property
    def difference(self) -> Weighed:
        """Assisted minus blind."""
        return self._weigh(self.anchoring.difference, DIFFERENCE)

    @property
    def nearer(self) -> Weighed:
        """How much nearer to the draft the assisted ratings are."""
        return self._weigh(self.anchoring.nearer, DIFFERENCE)

    @property
    def spread_ratio(self) -> Weighed:
        """Spread within a clip, assisted over blind."""
        return self._weigh(self.anchoring.spread_ratio, RATIO)

    def _weigh(self, estimate: Estimate, scale: Scale) -> Weighed:
        weighed = weigh(estimate, scale=scale)
        return replace(weighed, thin=self.thin or weighed.thin)


@dataclass(frozen=True)
class Agreement:
    """A campaign's agreement. What a page may not need is computed when it is asked for."""

    campaign: Campaign
    axes: tuple[AxisAgreement, ...]
    rows: tuple[MosRow, ...]
    raters: tuple[RaterRow, ...]
    kept: Sequence[Score] = field(repr=False)

    @cached_property
    def ratings(self) -> int:
        """Ratings that count."""
        return _count_ratings(self.kept)

    @cached_property
    def blind_ratings(self) -> int:
        """Ratings that count and are blind."""
        return _count_ratings(one for one in self.kept if one.is_blind)

    @property
    def screened_out(self) -> int:
        return sum(rater.is_screened for rater in self.raters)

    @cached_property
    def arms(self) -> tuple[ArmRow, ...]:
        """Blind against assisted, by arm as drawn, axis by axis. One query."""
        drafts = _drafted_scores({one.draft for one in self.kept if one.draft is not None})
        return tuple(_arm_row(axis, self.kept, drafts) for axis in AXES)

    @cached_property
    def generators(self) -> dict[Axis, tuple[GeneratorFigures, ...]]:
        """Mean MOS of each generator, with intervals over prompt groups."""
        return {axis: generator_table(self._mos_by_prompt(axis)) for axis in AXES}

    @cached_property
    def differences(self) -> dict[Axis, tuple[PairedDifference, ...]]:
        """Each pair of generators on the prompts that both were given."""
        return {axis: paired_differences(self._mos_by_prompt(axis)) for axis in AXES}

    def _mos_by_prompt(self, axis: Axis) -> list[tuple[str, int, float]]:
        return [(row.generator, row.prompt_group, row.mos[axis].mos) for row in self.rows if axis in row.mos]


def read_agreement(campaign: Campaign) -> Agreement:
    """Return `agreement`, computed again only after something changed that it could rest on.

    Each rating and each edit is a new revision, and every other deed is in the audit trail, so the newest of both and
    their numbers say whether a result still holds. The newest alone do not: of two that are stored at once, the one
    with the lower key may become visible last. That costs two queries; 10,000 clips with three ratings each take a
    second to compute.
    """
    revisions = RatingRevision.objects.filter(rating__item__campaign=campaign)
    return _compute_once(
        campaign, campaign.salt, _newest_and_count(revisions), _newest_and_count(AuditEntry.objects.all())
    )


def _newest_and_count(rows: QuerySet[Any]) -> tuple[int | None, int]:
    state = rows.aggregate(newest=Max("pk"), count=Count("pk"))
    return state["newest"], state["count"]


@lru_cache(maxsize=KEPT)
def _compute_once(campaign: Campaign, salt: str, revisions: object, deeds: object) -> Agreement:
    return agreement(campaign)


def agreement(campaign: Campaign) -> Agreement:
    """Read and compute all of a campaign. Eight queries, whatever its size."""
    scores = read_scores(campaign)
    verdicts = read_verdicts(campaign)
    out = list_screened_raters(verdicts)
    kept = [one for one in scores if one.rater not in out]
    tables = {axis: table_of(kept, axis) for axis in AXES}
    blind = {axis: table_of((one for one in kept if one.is_blind), axis) for axis in AXES}
    assisted = {axis: table_of((one for one in kept if not one.is_blind), axis) for axis in AXES}
    rows = _read_mos_rows(campaign, tables, blind)
    return Agreement(
        campaign=campaign,
        axes=tuple(_axis(axis, tables[axis], blind[axis], assisted[axis], rows) for axis in AXES),
        rows=rows,
        raters=read_rater_rows(campaign, scores, read_sittings(campaign), verdicts),
        kept=kept,
    )


def mos_rows(campaign: Campaign) -> tuple[MosRow, ...]:
    """Every rated item with its MOS, screened raters left out: three queries."""
    out = read_screened_raters(campaign)
    kept = [one for one in read_scores(campaign) if one.rater not in out]
    tables = {axis: table_of(kept, axis) for axis in AXES}
    blind = {axis: table_of((one for one in kept if one.is_blind), axis) for axis in AXES}
    return _read_mos_rows(campaign, tables, blind)


def _axis(
    axis: Axis, table: RatingTable, blind: RatingTable, assisted: RatingTable, rows: Sequence[MosRow]
) -> AxisAgreement:
    rated = [row for row in rows if axis in row.mos]
    kind = "blind" if len(assisted) else ""
    mean = mean_over_items([row.mos[axis].mos for row in rated], [row.prompt_group for row in rated])
    return AxisAgreement(
        axis=axis,
        basis=Basis.of(table),
        blind=_reliability(blind, kind),
        assisted=_reliability(assisted, "assisted"),
        reach=reach(blind),
        mos=weigh(mean, scale=LEVELS),
        spread=choose_spread(Spread.of(blind, kind), Spread.of(table)),
        levels=tuple((str(level), int((table.scores == level).sum())) for level in range(MIN_LEVEL, MAX_LEVEL + 1)),
    )


def _reliability(table: RatingTable, kind: str) -> Reliability:
    basis = Basis.of(table, kind)
    return Reliability(
        basis=basis,
        alpha=basis.weigh(krippendorff_alpha(table, "ordinal").estimate),
        icc=basis.weigh(icc_one_way(table).average),
        pooled_sd=Weighed(Estimate(pooled_sd(table), _NO_INTERVAL), basis.thin),
    )


def _read_mos_rows(campaign: Campaign, tables: Tables, blind: Tables) -> tuple[MosRow, ...]:
    mos = {axis: _by_item(_summarise(table, blind[axis])) for axis, table in tables.items()}
    corrected = {axis: _by_item(_correct(table)) for axis, table in tables.items()}
    blind_counts = {axis: dict(zip(table.item_ids, table.n.tolist(), strict=True)) for axis, table in blind.items()}
    rated = set().union(*mos.values())
    items = Item.objects.filter(campaign=campaign).order_by("pk")
    fields = ("pk", "clip", "clip__clip_id", "clip__prompt", "clip__prompt_group", "clip__generator")
    found = items.values_list(*fields, "clip__prompt_group__split")
    return tuple(
        MosRow(
            *(pk, clip, clip_id, prompt, group, generator, split),
            mos={axis: figures[pk] for axis, figures in mos.items() if pk in figures},
            corrected={axis: figures[pk] for axis, figures in corrected.items() if pk in figures},
            blind={axis: counts.get(pk, 0) for axis, counts in blind_counts.items()},
        )
        for pk, clip, clip_id, prompt, group, generator, split in found.iterator(chunk_size=5000)
        if pk in rated
    )


def _summarise(table: RatingTable, blind: RatingTable) -> Sequence[Mos]:
    if not len(table):
        return ()
    spread = choose_spread(Spread.of(blind), Spread.of(table)).sd
    return summarise(table, pooled=spread)


def _correct(table: RatingTable) -> Sequence[Mos]:
    model = fit_mixed_model(table)
    return model.rows if isinstance(model, MixedModel) else ()


def _by_item(rows: Iterable[Mos]) -> dict[int, Mos]:
    return {int(str(row.item)): row for row in rows}


def _count_ratings(scores: Iterable[Score]) -> int:
    return len({(one.item, one.rater) for one in scores})


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
            raters=[one.rater for one in on_axis],
        ),
        edits=edit_distances(one.edit_distance for one in on_axis if one.edit_distance is not None),
    )
