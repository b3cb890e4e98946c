"""Compute how far raters agree in a campaign, in a bounded number of queries.

The figures leave out raters who are screened out. The table of raters lists everybody, so that a lead can count a
rater again. Alpha, ICC and the spread within a clip are computed for blind and for assisted ratings separately. The
ceiling uses only blind ratings. MOS and generators use all counted ratings. An undefined figure carries the reason. A
figure that rests on too few ratings is thin: it carries a sentence that says what it lacks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

from django.db.models import Count, Max, QuerySet
from django.utils.translation import gettext as _

from accounts.models import AuditEntry
from annotation.agreement.basis import Basis, Spread, choose_spread
from annotation.agreement.imported import SourceFigures, compare_sources
from annotation.agreement.rater_table import RaterRow, read_rater_rows
from annotation.agreement.scores import Score, make_table, read_scores, read_sittings
from annotation.models import Arm, Campaign, Draft, Item, RatingRevision
from annotation.raters.screening import list_screened_raters, read_screened_raters, read_verdicts
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.proposal import Proposal, proposal_from_json
from qsave.statistics.alpha import compute_alpha
from qsave.statistics.anchoring import Anchoring, EditDistances, measure_anchoring, summarise_edit_distances
from qsave.statistics.ceiling import Reach, measure_reach
from qsave.statistics.evidence import (
    DIFFERENCE,
    LEAST_CLIPS,
    LEVELS,
    RATIO,
    Scale,
    Weighed,
    describe_compared,
    weigh,
)
from qsave.statistics.figures import Estimate, Undefined
from qsave.statistics.generators import GeneratorFigures, PairedDifference, compare_generators, summarise_generators
from qsave.statistics.icc import compute_icc
from qsave.statistics.mixed import MixedModel, fit_mixed_model
from qsave.statistics.mos import Mos, compute_mean_mos, compute_mos, compute_pooled_sd
from qsave.statistics.table import RatingTable

CACHED_CAMPAIGNS = 4
"""Number of campaigns whose figures a web process caches."""
_NO_INTERVAL = Undefined("a spread is shown without an interval")

Tables = Mapping[Axis, RatingTable]


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far blind or assisted ratings agree on one axis. `icc` is the ICC of the mean of a clip's ratings."""

    basis: Basis
    alpha: Weighed
    icc: Weighed
    pooled_sd: Weighed


@dataclass(frozen=True, slots=True)
class AxisAgreement:
    """One axis over the whole campaign. `levels` has the number of scores at each level; `reach` uses blind ratings."""

    axis: Axis
    basis: Basis
    blind: Reliability
    assisted: Reliability
    reach: Reach
    mos: Weighed
    spread: Spread
    """The SD within a clip for MOS intervals and plans (`choose_spread`)."""
    levels: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class MosRow:
    """One item with its MOS on each rated axis, plain and bias-corrected."""

    item: int
    clip: int
    version: int
    """Of the clip's file."""
    clip_id: str
    prompt: str
    prompt_group: int
    generator: str
    split: str
    mos: Mapping[Axis, Mos]
    corrected: Mapping[Axis, Mos]
    blind: Mapping[Axis, int]
    """Number of blind ratings."""


@dataclass(frozen=True, slots=True)
class ArmRow:
    """The assisted arm compared with the blind one on one axis, and how much raters edited drafted reasons.

    Only items count on which raters were shown a draft of this axis; `is_proposed` is False if no rater was shown one.
    """

    axis: Axis
    anchoring: Anchoring
    edits: EditDistances
    is_proposed: bool

    @property
    def thin(self) -> str:
        """The sentence to show first if too few clips have ratings in both arms; otherwise empty."""
        if not self.is_proposed:
            return _("No rater was shown a draft of this axis: there is nothing to compare.")
        return describe_compared(self.anchoring.items) if self.anchoring.items < LEAST_CLIPS else ""

    @property
    def difference(self) -> Weighed:
        """Assisted minus blind."""
        return self._weigh(self.anchoring.difference, DIFFERENCE)

    @property
    def nearer(self) -> Weighed:
        """How much nearer to the drafted score the assisted ratings are."""
        return self._weigh(self.anchoring.nearer, DIFFERENCE)

    @property
    def spread_ratio(self) -> Weighed:
        """Spread within a clip, assisted divided by blind."""
        return self._weigh(self.anchoring.spread_ratio, RATIO)

    def _weigh(self, estimate: Estimate, scale: Scale) -> Weighed:
        weighed = weigh(estimate, scale=scale)
        return replace(weighed, thin=self.thin or weighed.thin)


@dataclass(frozen=True)
class Agreement:
    """A campaign's agreement. Figures that not every page needs are computed on first use.

    `counted` holds the scores of raters who are not screened out.
    """

    campaign: Campaign
    axes: tuple[AxisAgreement, ...]
    rows: tuple[MosRow, ...]
    raters: tuple[RaterRow, ...]
    counted: Sequence[Score] = field(repr=False)

    @cached_property
    def ratings(self) -> int:
        """Number of counted ratings."""
        return _count_ratings(self.counted)

    @cached_property
    def blind_ratings(self) -> int:
        """Number of counted ratings that are blind."""
        return _count_ratings(score for score in self.counted if score.is_blind)

    @property
    def screened_out(self) -> int:
        return sum(rater.is_screened for rater in self.raters)

    @cached_property
    def arms(self) -> tuple[ArmRow, ...]:
        """The comparison of the arms on each axis. The arm of a rating is the one drawn for its slot. One query."""
        proposals = _read_proposals({score.draft for score in self.counted if score.draft is not None})
        return tuple(_compare_arms(axis, self.counted, proposals) for axis in AXES)

    @cached_property
    def generators(self) -> dict[Axis, tuple[GeneratorFigures, ...]]:
        """Mean MOS of each generator, with intervals over prompt groups, by axis."""
        return {axis: summarise_generators(self._list_mos(axis)) for axis in AXES}

    @cached_property
    def differences(self) -> dict[Axis, tuple[PairedDifference, ...]]:
        """The difference between each pair of generators on the prompts that both have, by axis."""
        return {axis: compare_generators(self._list_mos(axis)) for axis in AXES}

    @cached_property
    def imported(self) -> tuple[SourceFigures, ...]:
        """How far ratings made elsewhere follow these MOS, by source and axis. One query."""
        mos = {
            axis: {row.clip: (row.prompt_group, row.mos[axis].mos) for row in self.rows if axis in row.mos}
            for axis in AXES
        }
        return compare_sources(self.campaign, mos)

    def _list_mos(self, axis: Axis) -> list[tuple[str, int, float]]:
        return [(row.generator, row.prompt_group, row.mos[axis].mos) for row in self.rows if axis in row.mos]


def read_agreement(campaign: Campaign) -> Agreement:
    """Return a campaign's agreement, from a cache while nothing changes that it could depend on.

    Each rating and edit adds a revision, and every other change adds an audit entry. A cached result is current while
    both tables have the same newest key and the same number of rows. The newest key alone is not enough: of two rows
    stored at once, the one with the lower key may become visible last. The check costs two queries, and a third, which
    reads all ratings of the campaign, if a revision was added anywhere since the last check. Computing the agreement of
    10,000 clips with three ratings each takes a second.
    """
    on_site = _read_newest_and_count(RatingRevision.objects.all())
    in_campaign = _read_state_of_revisions(campaign, campaign.salt, on_site)
    return _compute_cached(campaign, campaign.salt, in_campaign, _read_newest_and_count(AuditEntry.objects.all()))


@lru_cache(maxsize=CACHED_CAMPAIGNS)
def _read_state_of_revisions(campaign: Campaign, salt: str, on_site: object) -> tuple[int | None, int]:
    """Return the newest key and the number of a campaign's revisions, from a cache while the site has no other."""
    return _read_newest_and_count(RatingRevision.objects.filter(rating__item__campaign=campaign))


def _read_newest_and_count(rows: QuerySet[Any]) -> tuple[int | None, int]:
    state = rows.aggregate(newest=Max("pk"), count=Count("pk"))
    return state["newest"], state["count"]


@lru_cache(maxsize=CACHED_CAMPAIGNS)
def _compute_cached(campaign: Campaign, salt: str, revisions: object, audit_entries: object) -> Agreement:
    return compute_agreement(campaign)


def compute_agreement(campaign: Campaign) -> Agreement:
    """Read the ratings of a campaign and compute its agreement. Eight queries, whatever its size."""
    scores = read_scores(campaign)
    verdicts = read_verdicts(campaign)
    screened = list_screened_raters(verdicts)
    counted = [score for score in scores if score.rater not in screened]
    tables = {axis: make_table(counted, axis) for axis in AXES}
    blind = {axis: make_table((score for score in counted if score.is_blind), axis) for axis in AXES}
    assisted = {axis: make_table((score for score in counted if not score.is_blind), axis) for axis in AXES}
    rows = _make_mos_rows(campaign, tables, blind)
    return Agreement(
        campaign=campaign,
        axes=tuple(_compute_axis(axis, tables[axis], blind[axis], assisted[axis], rows) for axis in AXES),
        rows=rows,
        raters=read_rater_rows(campaign, scores, read_sittings(campaign), verdicts),
        counted=counted,
    )


def read_mos_rows(campaign: Campaign) -> tuple[MosRow, ...]:
    """Return every rated item with its MOS, without screened raters. Three queries."""
    screened = read_screened_raters(campaign)
    counted = [score for score in read_scores(campaign) if score.rater not in screened]
    tables = {axis: make_table(counted, axis) for axis in AXES}
    blind = {axis: make_table((score for score in counted if score.is_blind), axis) for axis in AXES}
    return _make_mos_rows(campaign, tables, blind)


def _compute_axis(
    axis: Axis, table: RatingTable, blind: RatingTable, assisted: RatingTable, rows: Sequence[MosRow]
) -> AxisAgreement:
    rated = [row for row in rows if axis in row.mos]
    kind = "blind" if len(assisted) else ""
    mean = compute_mean_mos([row.mos[axis].mos for row in rated], [row.prompt_group for row in rated])
    return AxisAgreement(
        axis=axis,
        basis=Basis.of(table),
        blind=_compute_reliability(blind, kind),
        assisted=_compute_reliability(assisted, "assisted"),
        reach=measure_reach(blind),
        mos=weigh(mean, scale=LEVELS),
        spread=choose_spread(Spread.of(blind, kind), Spread.of(table)),
        levels=tuple((str(level), int((table.scores == level).sum())) for level in range(MIN_LEVEL, MAX_LEVEL + 1)),
    )


def _compute_reliability(table: RatingTable, kind: str) -> Reliability:
    basis = Basis.of(table, kind)
    return Reliability(
        basis=basis,
        alpha=basis.weigh(compute_alpha(table, "ordinal").estimate),
        icc=basis.weigh(compute_icc(table).average),
        pooled_sd=Weighed(Estimate(compute_pooled_sd(table), _NO_INTERVAL), basis.thin),
    )


def _make_mos_rows(campaign: Campaign, tables: Tables, blind: Tables) -> tuple[MosRow, ...]:
    mos = {axis: _key_by_item(_compute_plain_mos(table, blind[axis])) for axis, table in tables.items()}
    corrected = {axis: _key_by_item(_compute_corrected_mos(table)) for axis, table in tables.items()}
    blind_counts = {axis: dict(zip(table.item_ids, table.n.tolist(), strict=True)) for axis, table in blind.items()}
    rated = set().union(*mos.values())
    items = Item.objects.filter(campaign=campaign).order_by("pk")
    fields = ("pk", "clip", "clip__version", "clip__clip_id", "clip__prompt", "clip__prompt_group", "clip__generator")
    clips = items.values_list(*fields, "clip__prompt_group__split")
    return tuple(
        MosRow(
            *(pk, clip, version, clip_id, prompt, group, generator, split),
            mos={axis: figures[pk] for axis, figures in mos.items() if pk in figures},
            corrected={axis: figures[pk] for axis, figures in corrected.items() if pk in figures},
            blind={axis: counts.get(pk, 0) for axis, counts in blind_counts.items()},
        )
        for pk, clip, version, clip_id, prompt, group, generator, split in clips.iterator(chunk_size=5000)
        if pk in rated
    )


def _compute_plain_mos(table: RatingTable, blind: RatingTable) -> Sequence[Mos]:
    if not len(table):
        return ()
    spread = choose_spread(Spread.of(blind), Spread.of(table)).sd
    return compute_mos(table, pooled=spread)


def _compute_corrected_mos(table: RatingTable) -> Sequence[Mos]:
    model = fit_mixed_model(table)
    return model.rows if isinstance(model, MixedModel) else ()


def _key_by_item(rows: Iterable[Mos]) -> dict[int, Mos]:
    return {int(str(row.item)): row for row in rows}


def _count_ratings(scores: Iterable[Score]) -> int:
    return len({(score.item, score.rater) for score in scores})


def _read_proposals(draft_ids: set[int]) -> list[tuple[int, Proposal]]:
    """Return the item and the proposal of each draft that was shown, in the order in which they were made."""
    rows = Draft.objects.filter(pk__in=draft_ids).order_by("pk").values_list("item", "proposal")
    return [(item, proposal_from_json(proposal)) for item, proposal in rows.iterator()]


def _compare_arms(axis: Axis, counted: Sequence[Score], proposals: Sequence[tuple[int, Proposal]]) -> ArmRow:
    """Compare the arms on the items on which a shown draft proposed the axis; elsewhere no rater saw one.

    The distance to the draft needs a drafted score: of several critics that of the last one.
    """
    proposed = {item for item, proposal in proposals if axis in proposal.axes}
    on_axis = [score for score in counted if score.axis == axis and score.item in proposed]
    return ArmRow(
        axis=axis,
        anchoring=measure_anchoring(
            ((score.item, score.arm == Arm.ASSISTED, float(score.score)) for score in on_axis),
            {item: proposal.scores[axis] for item, proposal in proposals if axis in proposal.scores},
            raters=[score.rater for score in on_axis],
        ),
        edits=summarise_edit_distances(score.edit_distance for score in on_axis if score.edit_distance is not None),
        is_proposed=bool(proposed),
    )
