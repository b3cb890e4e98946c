"""Ratings made elsewhere beside a campaign's own: of one clip, and over all clips by source and axis."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from django.db.models import F

from annotation.models import Campaign, Clip, ImportedJudgement
from qsave.axes import AXES, Axis
from qsave.judgements.records import convert_to_levels
from qsave.report_card import evidence_from_json
from qsave.statistics.correlation import estimate_correlations
from qsave.statistics.evidence import LEAST_CLIPS, Weighed, describe_shared, weigh
from qsave.statistics.figures import Estimate, Figure, Undefined

MOST_SHOWN = 60
"""The most judgements that the page of a clip shows."""

MosByClip = Mapping[int, tuple[int, float]]
"""The prompt group and the MOS of each rated clip, by its key."""


@dataclass(frozen=True, slots=True)
class ShownJudgement:
    """One judgement of a clip, its value also on our scale, and its defects in the campaign's words."""

    judgement: ImportedJudgement
    level: float | None
    defects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RaterLine:
    """What one rater of a source says of a clip, by axis in the order of AXES. The name is empty if unknown."""

    source: str
    rater: str
    axes: tuple[tuple[Axis, tuple[ShownJudgement, ...]], ...]


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """One axis of one source: its judgements and clips, and how far it follows the campaign's MOS.

    The means are over the clips that both have, on our scale.
    """

    source: str
    axis: Axis
    judgements: int
    clips: int
    shared: int
    mean: Figure
    mos: Figure
    srcc: Weighed
    plcc: Weighed


def read_clip_judgements(clip: Clip, campaign: Campaign) -> list[RaterLine]:
    """Return the newest judgements of a clip that were made elsewhere, by source and rater. One query."""
    judgements = ImportedJudgement.objects.filter(clip=clip, clip_version=clip.version)
    rows = judgements.order_by("-pk")[:MOST_SHOWN]
    labels = {defect["id"]: str(defect["label"]) for defect in campaign.taxonomy}
    lines: dict[tuple[str, str, int], list[ShownJudgement]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.source, row.rater, row.occurrence, row.pk)):
        lines[row.source, row.rater, row.occurrence].append(_show(row, labels))
    return [RaterLine(source, rater, _group_by_axis(own)) for (source, rater, _number), own in lines.items()]


def _show(row: ImportedJudgement, labels: Mapping[str, str]) -> ShownJudgement:
    pieces = evidence_from_json(row.evidence)
    defects = dict.fromkeys(labels.get(piece.defect, piece.defect) for piece in pieces)
    return ShownJudgement(row, _find_level(row.value, row.scale_min, row.scale_max), tuple(defects))


def _group_by_axis(judgements: Iterable[ShownJudgement]) -> tuple[tuple[Axis, tuple[ShownJudgement, ...]], ...]:
    every = tuple(judgements)
    return tuple((axis, tuple(one for one in every if one.judgement.axis == axis)) for axis in AXES)


def _find_level(value: float | None, low: float | None, high: float | None) -> float | None:
    return None if value is None or low is None or high is None else convert_to_levels(value, low, high)


SourceLevels = Mapping[tuple[str, Axis], Mapping[int, tuple[tuple[float, int], ...]]]
"""By source and axis, by clip: the judged levels on our scale, each with the number of ratings behind it."""


def read_source_levels(campaign: Campaign) -> SourceLevels:
    """Read the judgements of a campaign's clips that were made elsewhere, by source and axis. One query."""
    levels: dict[tuple[str, Axis], dict[int, list[tuple[float, int]]]] = defaultdict(lambda: defaultdict(list))
    judgements = ImportedJudgement.objects.filter(
        clip__items__campaign=campaign,
        clip__withdrawn_at__isnull=True,
        clip_version=F("clip__version"),
        value__isnull=False,
    )
    names = ("source", "axis", "clip", "value", "scale_min", "scale_max", "n")
    rows = judgements.order_by("pk").values_list(*names)
    for source, axis, clip, value, low, high, n in rows.iterator(chunk_size=5000):
        level = _find_level(value, low, high)
        if level is not None and clip is not None:
            levels[source, Axis(axis)][clip].append((level, n or 1))
    order = {axis: number for number, axis in enumerate(AXES)}
    keys = sorted(levels, key=lambda key: (key[0], order[key[1]]))
    return {key: {clip: tuple(each) for clip, each in sorted(levels[key].items())} for key in keys}


def compare_sources(levels_by_source: SourceLevels, mos: Mapping[Axis, MosByClip]) -> tuple[SourceFigures, ...]:
    """Return the figures of every source that has judged clips of a campaign, by name and axis."""
    return tuple(_compare(source, axis, levels, mos[axis]) for (source, axis), levels in levels_by_source.items())


def _compare(
    source: str, axis: Axis, levels_by_clip: Mapping[int, tuple[tuple[float, int], ...]], mos: MosByClip
) -> SourceFigures:
    means = {clip: _average(levels) for clip, levels in levels_by_clip.items()}
    shared = sorted(set(means) & set(mos))
    theirs, ours = [means[clip] for clip in shared], [mos[clip][1] for clip in shared]
    srcc, plcc = estimate_correlations(theirs, ours, [mos[clip][0] for clip in shared])
    return SourceFigures(
        source=source,
        axis=axis,
        judgements=sum(map(len, levels_by_clip.values())),
        clips=len(levels_by_clip),
        shared=len(shared),
        mean=_average_figure(theirs),
        mos=_average_figure(ours),
        srcc=_weigh(srcc, len(shared)),
        plcc=_weigh(plcc, len(shared)),
    )


def _average(levels: tuple[tuple[float, int], ...]) -> float:
    """Return the mean of levels, each with the number of ratings behind it."""
    return sum(level * n for level, n in levels) / sum(n for _level, n in levels)


def _average_figure(values: list[float]) -> Figure:
    return sum(values) / len(values) if values else Undefined("no clip has both")


def _weigh(estimate: Estimate, clips: int) -> Weighed:
    """Weigh a correlation over the clips that both have: few of them are said first."""
    weighed = weigh(estimate)
    return replace(weighed, thin=describe_shared(clips) if clips < LEAST_CLIPS else weighed.thin)
