"""Critics against people in one campaign: the drafts of each critic beside the blind ratings of the same clips.

Only blind ratings count, because a draft pulls the ratings of those who see it. Drafts of an earlier file of a clip are
left out.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.db.models import F, QuerySet

from annotation.agreement.answers import select_drafted_score, stack_rows, stream_rows
from annotation.agreement.figures import Agreement
from annotation.agreement.scores import select_counted_answers
from annotation.models import Campaign, Draft, make_blind_condition
from annotation.raters.screening import read_screened_raters
from annotation.shared.plots import thin_evenly
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.proposal import Proposal, proposal_from_json
from qsave.statistics.correlation import estimate_correlations
from qsave.statistics.evidence import DIFFERENCE, LEAST_CLIPS, Weighed, describe_drafted, weigh
from qsave.statistics.figures import Figure, Floats, Ints, Undefined
from qsave.statistics.group_means import compute_group_mean

MOST_FOR_DEFECTS = 2000
"""Most clips of a critic for its figures on defects, evenly chosen: they need the answers of every rater."""
MOST_POINTS = 120
"""Most points of a plot: a page has three plots for each critic."""
MOST_COMPARED = 10_000
"""Most clips of a critic that are compared, evenly chosen: more would hardly narrow an interval of 1,000 draws."""
_NOTHING_TO_COMPARE = "no clip has a drafted score and a blind rating"


@dataclass(frozen=True, slots=True)
class CriticAxis:
    """One axis of one critic over the clips with a drafted score and a blind MOS.

    `bias` is the drafted score minus the blind MOS, `distance` the mean size of that. `points` are (drafted score,
    blind MOS) of some of the clips, evenly chosen by difference.
    """

    axis: Axis
    clips: int
    bias: Weighed
    distance: Figure
    srcc: Weighed
    plcc: Weighed
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class DefectMatch:
    """One defect: on how many clips the critic drafted it, on how many people name it, and on how many both do.

    People name a defect if at least half of the clip's blind raters do.
    """

    axis: Axis
    defect: str
    drafted: int
    named: int
    both: int


@dataclass(frozen=True, slots=True)
class CriticFigures:
    """One critic that drafted in the campaign. `every` clips have a draft and a blind rating.

    The figures of the axes are over `clips` of them, and those of defects over `sampled`, evenly chosen.
    """

    critic: str
    every: int
    clips: int
    axes: tuple[CriticAxis, ...]
    sampled: int
    defects: tuple[DefectMatch, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Drafted:
    """The clips with a draft of one critic and a blind rating, by rising item: the prompt group (clips,), the drafted
    scores and the blind MOS (clips, axes), NaN without one."""

    item: Ints
    group: Ints
    scores: Floats
    mos: Floats

    def __len__(self) -> int:
        return len(self.item)

    def thin(self, most: int) -> "_Drafted":
        """Return at most so many of the clips, evenly chosen."""
        places = np.array(thin_evenly(range(len(self)), most), dtype=np.int64)
        return _Drafted(self.item[places], self.group[places], self.scores[places], self.mos[places])


def compare_critics(agreement: Agreement) -> tuple[CriticFigures, ...]:
    """Return the figures of every critic with drafts on clips that have blind ratings, by name.

    One query, and for each critic one more, and one for each 500 of its sampled clips.
    """
    drafted = _read_drafted(agreement)
    return tuple(_compare(agreement.campaign, critic, drafted[critic]) for critic in sorted(drafted))


def _read_drafted(agreement: Agreement) -> dict[str, _Drafted]:
    items, blind = agreement.inputs.items, _stack_blind_mos(agreement)
    codes: dict[str, int] = {}
    scores = [select_drafted_score(axis) for axis in AXES]
    rows = stream_rows(_select_drafts(agreement.campaign).order_by("item").values_list("critic", "item", *scores))
    coded = ((codes.setdefault(critic, len(codes)), *rest) for critic, *rest in rows)
    columns = stack_rows(coded, np.float64, width=2 + len(AXES))
    columns = columns[np.isin(columns[:, 1], items.key[np.isfinite(blind).any(axis=1)])]
    at = items.find(columns[:, 1].astype(np.int64))
    every = {critic: columns[:, 0] == code for critic, code in codes.items()}
    return {
        critic: _Drafted(items.key[at[own]], items.group[at[own]], columns[own, 2:], blind[at[own]])
        for critic, own in every.items()
        if own.any()
    }


def _stack_blind_mos(agreement: Agreement) -> Floats:
    """Return the mean of the blind ratings of each item of the campaign (items, axes), NaN without one."""
    items = agreement.inputs.items
    mos = np.full((len(items.key), len(AXES)), np.nan)
    for number, axis in enumerate(AXES):
        table = agreement.rated[axis].blind
        mos[items.find(np.array(table.item_ids, dtype=np.int64)), number] = table.means
    return mos


def _select_drafts(campaign: Campaign) -> QuerySet[Draft]:
    """Return the drafts of the present files of the campaign's clips."""
    return Draft.objects.filter(item__campaign=campaign, clip_version=F("item__clip__version"))


def _compare(campaign: Campaign, critic: str, drafted: _Drafted) -> CriticFigures:
    compared, sampled = drafted.thin(MOST_COMPARED), drafted.thin(MOST_FOR_DEFECTS)
    drafts = _select_drafts(campaign).filter(critic=critic, item__in=sampled.item.tolist())
    proposals = {item: proposal_from_json(one) for item, one in drafts.values_list("item", "proposal")}
    return CriticFigures(
        critic=critic,
        every=len(drafted),
        clips=len(compared),
        axes=tuple(_compare_axis(axis, number, compared) for number, axis in enumerate(AXES)),
        sampled=len(sampled),
        defects=_match_defects(campaign, proposals),
    )


def _compare_axis(axis: Axis, number: int, drafted: _Drafted) -> CriticAxis:
    scores, mos = drafted.scores[:, number], drafted.mos[:, number]
    both = np.isfinite(scores) & np.isfinite(mos)
    scores, mos, groups = scores[both], mos[both], drafted.group[both].tolist()
    gaps = scores - mos
    span = float(MAX_LEVEL - MIN_LEVEL)
    srcc, plcc = estimate_correlations(scores, mos, groups)
    bias = compute_group_mean(gaps, groups, least=-span, most=span)
    ordered = np.lexsort((mos, scores, gaps))
    return CriticAxis(
        axis=axis,
        clips=len(gaps),
        bias=_weigh(weigh(bias, scale=DIFFERENCE), len(gaps)),
        distance=float(np.abs(gaps).mean()) if len(gaps) else Undefined(_NOTHING_TO_COMPARE),
        srcc=_weigh(weigh(srcc), len(gaps)),
        plcc=_weigh(weigh(plcc), len(gaps)),
        points=tuple((float(scores[at]), float(mos[at])) for at in thin_evenly(ordered.tolist(), MOST_POINTS)),
    )


def _weigh(weighed: Weighed, clips: int) -> Weighed:
    """Weigh a figure over clips with a drafted score and a blind MOS: few of them are said first."""
    return weighed if clips >= LEAST_CLIPS else replace(weighed, thin=describe_drafted(clips))


def _match_defects(campaign: Campaign, proposals: Mapping[int, Proposal]) -> tuple[DefectMatch, ...]:
    """Match the drafted defects with those that people name, on axes that people rated and of whose defects the critic
    says something."""
    counts: dict[tuple[Axis, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for item, axis, named in _read_named(campaign, list(proposals)):
        proposed = proposals[item].axes.get(axis)
        if proposed is None or proposed.evidence is None:
            continue
        drafted = {piece.defect for piece in proposed.evidence}
        for defect in drafted | named:
            count = counts[axis, defect]
            count[0] += defect in drafted
            count[1] += defect in named
            count[2] += defect in drafted and defect in named
    taxonomy = [(Axis(defect["axis"]), str(defect["id"])) for defect in campaign.taxonomy]
    return tuple(DefectMatch(*key, *counts[key]) for key in taxonomy if key in counts)


def _read_named(campaign: Campaign, items: Sequence[int]) -> Iterator[tuple[int, Axis, set[str]]]:
    """Yield item, axis, and the defects that at least half of the blind raters name. One query for 500 items."""
    answers = select_counted_answers(campaign).filter(make_blind_condition("revision__rating__"))
    screened = read_screened_raters(campaign)
    for start in range(0, len(items), 500):
        rows = answers.filter(revision__rating__item__in=items[start : start + 500])
        raters: dict[tuple[int, Axis], list[Collection[str]]] = defaultdict(list)
        for item, axis, rater, evidence in rows.values_list(
            "revision__rating__item", "axis", "revision__rating__rater", "evidence"
        ):
            if rater not in screened:
                raters[item, Axis(axis)].append({piece["defect"] for piece in evidence})
        for (item, axis), answered in raters.items():
            every = {defect for defects in answered for defect in defects}
            yield item, axis, {d for d in every if 2 * sum(d in defects for defects in answered) >= len(answered)}
