"""Compute how far raters agree in a campaign, from its inputs (`annotation.agreement.inputs`).

The figures leave out raters who are screened out. The table of raters lists everybody, so that a lead can count a
rater again. Alpha, ICC and the spread within a clip are computed for blind and for assisted ratings separately. The
ceiling uses only blind ratings. MOS and generators use all counted ratings. An undefined figure carries the reason. A
figure that rests on too few ratings is thin: it carries a sentence that says what it lacks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from django.utils.translation import gettext as _

from annotation.agreement.answers import CountedAnswers, RatedItems, ShownDrafts, compare_arms
from annotation.agreement.basis import Basis, Spread, choose_spread
from annotation.agreement.imported import SourceFigures, compare_sources
from annotation.agreement.inputs import Inputs, read_inputs
from annotation.agreement.rater_table import RaterRow, make_rater_rows
from annotation.models import Campaign
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.statistics.alpha import compute_alpha
from qsave.statistics.anchoring import Anchoring, EditDistances, summarise_edit_distances
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
from qsave.statistics.figures import Estimate, Ints, Undefined
from qsave.statistics.generators import (
    GeneratorClips,
    GeneratorFigures,
    PairedDifference,
    compare_generators,
    summarise_generators,
)
from qsave.statistics.icc import compute_icc
from qsave.statistics.mos import MosColumns, compute_mean_mos, compute_mos_columns, compute_pooled_sd
from qsave.statistics.table import RatingTable

_NO_INTERVAL = Undefined("a spread is shown without an interval")


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


@dataclass(frozen=True, slots=True, eq=False)
class RatedAxis:
    """The counted answers of one axis: all, the blind and the assisted ones as tables, and the MOS of each item of the
    first. `item_keys` (items,) are the keys of those items, `positions`
    theirs in `RatedItems`."""

    answers: CountedAnswers
    table: RatingTable
    blind: RatingTable
    assisted: RatingTable
    mos: MosColumns
    item_keys: Ints
    positions: Ints

    @classmethod
    def of(cls, answers: CountedAnswers, items: RatedItems) -> "RatedAxis":
        """Make it from the answers of one axis."""
        is_blind = answers.ratings.is_blind[answers.rating]
        table, blind = answers.make_table(), answers.keep(is_blind).make_table()
        spread = choose_spread(Spread.of(blind), Spread.of(table)).sd
        keys = np.array(table.item_ids, dtype=np.int64)
        assisted = answers.keep(~is_blind).make_table()
        return cls(answers, table, blind, assisted, compute_mos_columns(table, pooled=spread), keys, items.find(keys))


@dataclass(frozen=True)
class Agreement:
    """A campaign's agreement, computed from its inputs. Figures that not every caller needs are computed on first use.

    `rated` holds the answers of raters who are not screened out.
    """

    inputs: Inputs = field(repr=False)
    rated: Mapping[Axis, RatedAxis] = field(repr=False)
    axes: tuple[AxisAgreement, ...]
    raters: tuple[RaterRow, ...]

    @property
    def campaign(self) -> Campaign:
        return self.inputs.campaign

    @cached_property
    def ratings(self) -> int:
        """Number of counted ratings."""
        return len(self._list_ratings())

    @cached_property
    def blind_ratings(self) -> int:
        """Number of counted ratings that are blind."""
        return int(self.inputs.answers.ratings.is_blind[self._list_ratings()].sum())

    @cached_property
    def clips(self) -> int:
        """Number of clips with a rating that counts."""
        return len(np.unique(self.inputs.answers.ratings.item[self._list_ratings()]))

    @property
    def screened_out(self) -> int:
        return sum(rater.is_screened for rater in self.raters)

    @cached_property
    def arms(self) -> tuple[ArmRow, ...]:
        """The comparison of the arms on each axis. The arm of a rating is the one drawn for its slot."""
        return tuple(_compare_arms(axis, self.rated[axis].answers, self.inputs.drafts) for axis in AXES)

    @cached_property
    def rated_clips(self) -> dict[Axis, dict[str, GeneratorClips]]:
        """The rated clips of each generator, by axis."""
        return {axis: _split_rated(rated, self.inputs.items) for axis, rated in self.rated.items()}

    @cached_property
    def generators(self) -> dict[Axis, tuple[GeneratorFigures, ...]]:
        """Mean MOS of each generator, with intervals over prompt groups, by axis."""
        return {axis: summarise_generators(self.rated_clips[axis]) for axis in AXES}

    @cached_property
    def differences(self) -> dict[Axis, tuple[PairedDifference, ...]]:
        """The difference between each pair of generators on the prompts that both have, by axis."""
        return {axis: compare_generators(self.rated_clips[axis]) for axis in AXES}

    @cached_property
    def imported(self) -> tuple[SourceFigures, ...]:
        """How far ratings made elsewhere follow these MOS, by source and axis."""
        return compare_sources(self.inputs.source_levels, {axis: self._key_mos_by_clip(axis) for axis in AXES})

    def _list_ratings(self) -> Ints:
        """Return the positions of the counted ratings."""
        has_answer = np.zeros(len(self.inputs.answers.ratings), dtype=np.bool_)
        for rated in self.rated.values():
            has_answer[rated.answers.rating] = True
        return np.flatnonzero(has_answer)

    def _key_mos_by_clip(self, axis: Axis) -> dict[int, tuple[int, float]]:
        items, rated = self.inputs.items, self.rated[axis]
        columns = (items.clip[rated.positions], items.group[rated.positions], rated.mos.mos)
        return {clip: (group, mos) for clip, group, mos in zip(*(each.tolist() for each in columns), strict=True)}


def compute_agreement(campaign: Campaign) -> Agreement:
    """Read the inputs of a campaign's figures and compute its agreement. Twelve queries, whatever its size."""
    return compute_from(read_inputs(campaign))


def compute_from(inputs: Inputs) -> Agreement:
    """Compute the agreement of a campaign from what was read."""
    counted = inputs.answers.keep(inputs.counts)
    rated = {axis: RatedAxis.of(counted.on_axis(axis), inputs.items) for axis in AXES}
    return Agreement(
        inputs=inputs,
        rated=rated,
        axes=tuple(_compute_axis(axis, rated[axis], inputs.items) for axis in AXES),
        raters=make_rater_rows(inputs.answers, inputs.raters, inputs.screened),
    )


def _split_rated(rated: RatedAxis, items: RatedItems) -> dict[str, GeneratorClips]:
    generator, group = items.generator[rated.positions], items.group[rated.positions]
    owned = {code: generator == code for code in np.unique(generator).tolist()}
    return {items.generators[code]: GeneratorClips(group[own], rated.mos.mos[own]) for code, own in owned.items()}


def _compute_axis(axis: Axis, rated: RatedAxis, items: RatedItems) -> AxisAgreement:
    table, blind, assisted = rated.table, rated.blind, rated.assisted
    kind = "blind" if len(assisted) else ""
    mean = compute_mean_mos(rated.mos.mos, items.group[rated.positions].tolist())
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


def _compare_arms(axis: Axis, answers: CountedAnswers, drafts: ShownDrafts) -> ArmRow:
    """Compare the arms on the items on which a shown draft proposed the axis; elsewhere no rater saw one.

    The distance to the draft needs a drafted score: of several critics that of the last one.
    """
    served = drafts.keep(np.isin(drafts.key, answers.ratings.draft[answers.rating]))
    number = AXES.index(axis)
    proposed = np.unique(served.item[served.proposes[:, number]])
    own = answers.keep(np.isin(answers.item, proposed))
    scored = np.isfinite(served.scores[:, number])
    last = dict(zip(served.item[scored].tolist(), served.scores[scored, number].tolist(), strict=True))
    return ArmRow(
        axis=axis,
        anchoring=compare_arms(own, last),
        edits=summarise_edit_distances(own.edits[own.edits >= 0].tolist()),
        is_proposed=bool(len(proposed)),
    )
