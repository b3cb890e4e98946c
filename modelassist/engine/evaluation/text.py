"""What people read: a report card and the evaluation as plain text."""

from collections.abc import Mapping
from typing import Any

from modelassist.engine.evaluation.intervals import LEAST_GROUPS, in_words
from modelassist.engine.generation.read_scores import Scored
from qsave.axes import AXES, level_of_mos, level_word
from qsave.report_card import Evidence

_COLUMNS = {"SRCC": 20, "PLCC": 20, "RMSE": 6, "RMSE constant": 14, "within 1": 9, "SRCC blank frames": 20}


def card_text(scored: Scored) -> str:
    """A report card for a terminal."""
    if scored.card is None:
        return f"no report card: {scored.error}"
    lines = []
    for axis in AXES:
        report = scored.card.axis(axis)
        lines.append(f"{axis:<10} {report.score:.2f}  {level_word(level_of_mos(report.score))}")
        if report.reason:
            lines.append(f"{'':<10} {report.reason}")
        lines += [f"{'':<10} - {_evidence_text(piece)}" for piece in report.evidence]
    return "\n".join(lines)


def evaluation_table(evaluation: Mapping[str, Any]) -> str:
    """The figures of an evaluation, an axis a line; intervals in brackets."""
    lines: list[str] = []
    for split, figures in evaluation["splits"].items():
        lines += _counts(split, figures)
        lines.append(f"{'axis':<10}" + "".join(f"{name:>{width}}" for name, width in _COLUMNS.items()))
        lines += [_axis_line(axis, figures["axes"][axis]) for axis in AXES]
    for when, figures in evaluation.get("cooldown", {}).items():
        spread = _number(figures.get("score_spread"))
        lines.append(f"{when} the cool-down: {_number(figures['valid'])} of samples parse, score spread {spread}")
    return "\n".join(lines) if evaluation["splits"] else "no held-out clips: nothing was measured"


def _counts(split: str, figures: Mapping[str, Any]) -> list[str]:
    """What the figures of a split rest on."""
    read, blank = figures["read"], figures["axes"][AXES[0]]["blank_frames"]
    with_cards = f"with a report card {_over(read)}, with blank frames {_over(blank)}"
    lines = [f"\n{split}: {in_words(figures['clips'], figures['prompt_groups'])}; {with_cards}"]
    if not read["clips"]:
        lines.append("the critic has no figures; RMSE constant is of all clips")
    elif read["clips"] < figures["clips"]:
        lines.append("figures are of the clips with a report card; RMSE constant is of those of the critic")
    if 0 < read["prompts"] < LEAST_GROUPS:
        lines.append(f"no intervals: too few prompts ({read['prompts']}, and {LEAST_GROUPS} are the least)")
    return lines


def _over(found: Mapping[str, Any]) -> str:
    return in_words(found["clips"], found["prompts"])


def _axis_line(axis: str, figures: Mapping[str, Any]) -> str:
    critic, blank = figures["critic"], figures["blank_frames"]
    cells = (
        _interval(critic["srcc"]),
        _interval(critic["plcc"]),
        _number(critic["rmse"].get("value")),
        _number(figures["constant"]["rmse"].get("value")),
        _number(critic["within_1"].get("value")),
        _interval(blank["srcc"]),
    )
    return f"{axis:<10}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, _COLUMNS.values(), strict=True))


def _interval(figure: Mapping[str, Any]) -> str:
    if "value" not in figure:
        return "undefined"
    ends = f" [{figure['low']:z.2f} {figure['high']:z.2f}]" if "low" in figure else ""
    return f"{figure['value']:z.2f}{ends}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:z.2f}"


def _evidence_text(piece: Evidence) -> str:
    time = f", {piece.time.start:g}-{piece.time.end:g} s" if piece.time else ""
    box = f", at {piece.box.x:.0%} across and {piece.box.y:.0%} down" if piece.box else ""
    return f"{piece.defect}{time}{box}"
