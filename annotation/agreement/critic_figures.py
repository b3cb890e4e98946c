"""Critics against people in one campaign: the drafts of each critic beside the blind ratings of the same clips.

Only blind ratings count, because a draft pulls the ratings of those who see it. Drafts of an earlier file of a clip are
left out.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import NamedTuple

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from annotation.agreement.answers import CHUNK, select_drafted_score
from annotation.agreement.generator_pair import read_mean
from annotation.agreement.scores import select_counted_answers
from annotation.models import Campaign, Draft, ItemSummary, make_blind_condition
from annotation.raters.screening import read_screened_raters
from annotation.shared.plots import thin_evenly
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.proposal import Proposal, proposal_from_json
from qsave.statistics.correlation import estimate_correlations
from qsave.statistics.evidence import DIFFERENCE, LEAST_CLIPS, Weighed, describe_drafted, weigh
from qsave.statistics.figures import Figure, Undefined
from qsave.statistics.group_means import compute_group_mean

MOST_FOR_DEFECTS = 2000
"""Most clips of a critic for its figures on defects, evenly chosen: they need the answers of every rater."""
MOST_POINTS = 120
"""Most points of a plot: a page has three plots for each critic."""
MOST_COMPARED = 10_000
"""Most clips of a critic that are compared, evenly chosen: more would hardly narrow an interval of 1,000 draws."""


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


class BlindClip(NamedTuple):
    """A clip with blind ratings: its prompt group, and the blind MOS of the axes that have one."""

    group: int
    mos: Mapping[Axis, float]


DraftedScores = Mapping[int, Sequence[float | None]]
"""By item: the scores that a critic drafted, in the order of AXES; None where it gave none."""


def compare_critics(campaign: Campaign) -> tuple[CriticFigures, ...]:
    """Return the figures of every critic with drafts on clips that have blind ratings, by name.

    Two queries, and for each critic two more, and one for each 500 of its sampled clips.
    """
    blind = _read_blind_clips(campaign)
    drafts = _select_drafts(campaign).order_by("item")
    drafted: dict[str, dict[int, Sequence[float | None]]] = defaultdict(dict)
    scores_of_axes = [select_drafted_score(axis) for axis in AXES]
    for critic, item, *scores in drafts.values_list("critic", "item", *scores_of_axes).iterator(CHUNK):
        if item in blind:
            drafted[critic][item] = scores
    return tuple(_compare(campaign, critic, drafted[critic], blind) for critic in sorted(drafted))


def _select_drafts(campaign: Campaign) -> QuerySet[Draft]:
    """Return the drafts of the present files of the campaign's clips."""
    return Draft.objects.filter(item__campaign=campaign, clip_version=F("item__clip__version"))


def _read_blind_clips(campaign: Campaign) -> dict[int, BlindClip]:
    tallies = [f"{axis.value}_blind_tally" for axis in AXES]
    has_any = Q()
    for name in tallies:
        has_any |= Q((f"{name}__gt", 0))
    has_draft = Exists(Draft.objects.filter(item=OuterRef("item")))
    rows = ItemSummary.objects.filter(has_any, has_draft, campaign=campaign).order_by()
    clips = {}
    for item, group, *packed in rows.values_list("item", "item__clip__prompt_group", *tallies).iterator(CHUNK):
        clips[item] = BlindClip(group, {axis: read_mean(one) for axis, one in zip(AXES, packed, strict=True) if one})
    return clips


def _compare(campaign: Campaign, critic: str, drafted: DraftedScores, blind: Mapping[int, BlindClip]) -> CriticFigures:
    compared = {item: drafted[item] for item in thin_evenly(sorted(drafted), MOST_COMPARED)}
    sampled = thin_evenly(sorted(drafted), MOST_FOR_DEFECTS)
    drafts = _select_drafts(campaign).filter(critic=critic, item__in=sampled)
    proposals = {item: proposal_from_json(one) for item, one in drafts.values_list("item", "proposal")}
    return CriticFigures(
        critic=critic,
        every=len(drafted),
        clips=len(compared),
        axes=tuple(_compare_axis(axis, number, compared, blind) for number, axis in enumerate(AXES)),
        sampled=len(sampled),
        defects=_match_defects(campaign, proposals),
    )


def _compare_axis(axis: Axis, number: int, drafted: DraftedScores, blind: Mapping[int, BlindClip]) -> CriticAxis:
    pairs = [
        (score, blind[item].mos[axis], blind[item].group)
        for item, scores in drafted.items()
        if (score := scores[number]) is not None and axis in blind[item].mos
    ]
    scores, mos = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    groups = [pair[2] for pair in pairs]
    gaps = [score - people for score, people in zip(scores, mos, strict=True)]
    span = float(MAX_LEVEL - MIN_LEVEL)
    srcc, plcc = estimate_correlations(scores, mos, groups)
    bias = compute_group_mean(gaps, groups, least=-span, most=span)
    ordered = sorted(zip(scores, mos, strict=True), key=lambda point: (point[0] - point[1], point))
    return CriticAxis(
        axis=axis,
        clips=len(pairs),
        bias=_weigh(weigh(bias, scale=DIFFERENCE), len(pairs)),
        distance=fmean(map(abs, gaps)) if gaps else Undefined("no clip has a drafted score and a blind rating"),
        srcc=_weigh(weigh(srcc), len(pairs)),
        plcc=_weigh(weigh(plcc), len(pairs)),
        points=thin_evenly(ordered, MOST_POINTS),
    )


def _weigh(weighed: Weighed, clips: int) -> Weighed:
    """Weigh a figure over clips with a drafted score and a blind MOS: few of them are said first."""
    return weighed if clips >= LEAST_CLIPS else replace(weighed, thin=describe_drafted(clips))


def _match_defects(campaign: Campaign, proposals: Mapping[int, Proposal]) -> tuple[DefectMatch, ...]:
    """Match the drafted defects with those that people name, on axes that the critic proposed and people rated."""
    counts: dict[tuple[Axis, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for item, axis, named in _read_named(campaign, list(proposals)):
        proposed = proposals[item].axes.get(axis)
        if proposed is None:
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
