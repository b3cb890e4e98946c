"""Read what the pages and files of predictions show."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from annotation.models import Campaign
from annotation.shared.plots import Plot
from modelassist.models import Prediction, PredictionSet
from modelassist.reads.paired import read_blind_scores
from modelassist.reads.plots import plot_scores
from qsave.axes import AXES, Axis
from qsave.proposal import AxisProposal, Proposal, proposal_from_json
from qsave.report_card import Evidence
from qsave.run.encoding import decode_figure
from qsave.statistics.figures import Estimate

MOST_FAILURES = 10
MOST_SETS = 100
AXIS_COLUMNS = ("score", "defects", "reason", "measured", "blind_mos")
COLUMNS = (
    *("clip_id", "generator", "split", "prompt", "critic", "clip_version", "error"),
    *(f"{axis}_{name}" for axis in AXES for name in AXIS_COLUMNS),
)


@dataclass(frozen=True, slots=True)
class AxisFigures:
    """What a set predicts on one axis, and how far that agrees with blind ratings of the same `clips`."""

    axis: Axis
    proposed: int
    scored: int
    clean: int
    """Clips for which the critic proposes that there is no defect."""
    silent: int
    """Clips of whose defects the critic says nothing."""
    defects: list[tuple[str, int]]
    clips: int
    prompts: int
    srcc: Estimate
    rmse: Estimate
    constant_rmse: Estimate
    plot: Plot | None


@dataclass(frozen=True, slots=True)
class SetLine:
    """A set in the list of a campaign."""

    row: PredictionSet
    answered: int
    failed: int


def list_sets(campaign: Campaign) -> list[SetLine]:
    """List the newest sets of a campaign. One query."""
    rows = PredictionSet.objects.filter(campaign=campaign).select_related("critic", "job", "created_by")
    return _count(rows.defer("figures"))


def count_predictions(prediction_set: PredictionSet) -> SetLine:
    """Return a set with its numbers of answers. One query."""
    [counted] = _count(PredictionSet.objects.filter(pk=prediction_set.pk).defer("figures"))
    return SetLine(prediction_set, counted.answered, counted.failed)


def _count(rows: QuerySet[PredictionSet]) -> list[SetLine]:
    answered = Count("predictions", filter=Q(predictions__error=""))
    counted = rows.annotate(answered=answered, failed=Count("predictions") - answered)
    return [SetLine(row, row.answered, row.failed) for row in counted[:MOST_SETS]]


def list_failures(prediction_set: PredictionSet) -> list[tuple[str, int]]:
    """List why clips have no answer, and how many, most frequent first."""
    failed = Prediction.objects.filter(prediction_set=prediction_set).exclude(error="")
    counted = failed.values_list("error").annotate(count=Count("pk")).order_by("-count", "error")
    return [(error, count) for error, count in counted[:MOST_FAILURES]]


def read_figures(prediction_set: PredictionSet) -> list[AxisFigures]:
    """Read the stored figures; an empty list before they were computed."""
    labels = {entry["id"]: entry["label"] for entry in prediction_set.campaign.taxonomy}
    figures = prediction_set.figures
    return [_read_axis(prediction_set, axis, figures[axis.value], labels) for axis in AXES if axis.value in figures]


def _read_axis(
    prediction_set: PredictionSet, axis: Axis, values: dict[str, Any], labels: dict[str, str]
) -> AxisFigures:
    return AxisFigures(
        axis=axis,
        proposed=values["proposed"],
        scored=values["scored"],
        clean=values["clean"],
        silent=values.get("silent", 0),
        defects=[(labels.get(name, name), count) for name, count in values["defects"].items()],
        clips=values["clips"],
        prompts=values.get("prompts", 0),
        plot=_plot(prediction_set, axis, values) if values["points"] else None,
        **{name: decode_figure(values.get(name)) for name in ("srcc", "rmse", "constant_rmse")},
    )


def _plot(prediction_set: PredictionSet, axis: Axis, values: dict[str, Any]) -> Plot:
    points = [(score, mos, clip) for clip, score, mos in values["points"]]
    campaign = prediction_set.campaign
    return plot_scores(
        f"plot-{axis}", axis, points, campaign.title, is_simulated=campaign.is_simulated, total=values["clips"]
    )


def read_rows(prediction_set: PredictionSet) -> Iterator[dict[str, str | int | float | None]]:
    """Yield a row of COLUMNS for each clip that was asked about, with the mean of its blind ratings."""
    blind = read_blind_scores(prediction_set.campaign)
    rows = Prediction.objects.filter(prediction_set=prediction_set).select_related("item__clip__prompt_group")
    for one in rows.order_by("item").iterator(chunk_size=1000):
        clip = one.item.clip
        proposal = proposal_from_json(one.proposal) if one.proposal is not None else Proposal()
        row: dict[str, str | int | float | None] = {
            "clip_id": clip.clip_id,
            "generator": clip.generator,
            "split": clip.prompt_group.split,
            "prompt": clip.prompt,
            "critic": str(prediction_set.critic),
            "clip_version": one.clip_version,
            "error": one.error,
        }
        for axis in AXES:
            is_current = one.clip_version == clip.version
            mos = blind[axis].get(one.item_id) if is_current else None
            columns = _describe(proposal.axes.get(axis), mos, is_direct=prediction_set.is_direct)
            row |= {f"{axis}_{name}": value for name, value in columns.items()}
        yield row


def _describe(proposed: AxisProposal | None, mos: float | None, *, is_direct: bool) -> dict[str, str | float | None]:
    """Return the columns of an axis. `defects` is None if the critic says nothing of them, and empty for "no defect".

    Direct answers that an earlier version stored have empty evidence, although defects were not asked for.
    """
    values: dict[str, str | float | None] = dict.fromkeys(AXIS_COLUMNS)
    if proposed is not None:
        is_silent = proposed.evidence is None or is_direct
        defects = None if is_silent else "; ".join(map(_write_evidence, proposed.evidence or ()))
        values |= {"score": proposed.score, "defects": defects, "reason": proposed.reason, "measured": proposed.note}
    return values | {"blind_mos": mos}


def _write_evidence(piece: Evidence) -> str:
    return f"{piece.defect} {piece.time.start:.2f}-{piece.time.end:.2f} s" if piece.time else piece.defect
