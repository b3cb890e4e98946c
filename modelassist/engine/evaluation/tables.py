"""Render tables in Markdown, and the sentences below them that say why figures are missing."""

import re
from collections.abc import Iterable, Mapping, Sequence

from qsave.run.figures import Counts
from qsave.statistics.figures import Estimate, Interval, Undefined

Figures = Mapping[str, Estimate]
"""Figures of one table row, by column title."""

_MARKS = re.compile(r"([\\`*_\[\]<>|])")


def escape_markdown(text: object) -> str:
    """Escape text for Markdown, on one line."""
    return _MARKS.sub(r"\\\1", " ".join(str(text).split()))


def render_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Render a Markdown table; all columns but the first are aligned to the right."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def render_cells(figures: Figures, columns: Sequence[str]) -> list[str]:
    return [render_estimate(figures.get(title)) for title in columns]


def render_counts(counts: Counts) -> list[str]:
    return [str(counts.clips), "" if counts.prompts is None else str(counts.prompts)]


def render_estimate(estimate: Estimate | None) -> str:
    """Render `0.71 [0.52, 0.83]`, a dash if it is undefined, nothing if the row has no such figure."""
    if estimate is None:
        return ""
    if isinstance(estimate.value, Undefined):
        return "–"
    interval = estimate.interval
    ends = f" [{render_number(interval.low)}, {render_number(interval.high)}]" if isinstance(interval, Interval) else ""
    return render_number(estimate.value) + ends


def render_number(value: float | None) -> str:
    return "–" if value is None else f"{round(value, 2) + 0:.2f}"  # + 0: never -0.00


def explain_gaps(rows: Sequence[tuple[str, Figures]]) -> list[str]:
    """Say which figures of a table are undefined, which have no interval, and why."""
    undefined = _group_by_reason([(name, figures, _list_undefined(figures)) for name, figures in rows])
    defined = [
        (name, {title: each for title, each in figures.items() if not isinstance(each.value, Undefined)})
        for name, figures in rows
    ]
    without = _group_by_reason([(name, figures, _list_without_interval(figures)) for name, figures in defined])
    notes = {"Undefined": undefined, "Without an interval": without}
    return [f"{words}: {'; '.join(reasons)}." for words, reasons in notes.items() if reasons]


def _list_undefined(figures: Figures) -> dict[str, str]:
    return {title: str(each.value) for title, each in figures.items() if isinstance(each.value, Undefined)}


def _list_without_interval(figures: Figures) -> dict[str, str]:
    return {title: str(each.interval) for title, each in figures.items() if isinstance(each.interval, Undefined)}


def _group_by_reason(rows: Sequence[tuple[str, Figures, Mapping[str, str]]]) -> list[str]:
    """Write `SRCC, PLCC of the critic: why` for each reason why figures are missing.

    Rows that lack the same figures for the same reason are joined.
    """
    lacking: dict[tuple[str, str], list[str]] = {}
    for name, figures, reasons in rows:
        for reason in dict.fromkeys(reasons.values()):
            titles = [title for title, other in reasons.items() if other == reason]
            what = "every figure" if titles == list(figures) and len(titles) > 1 else ", ".join(titles)
            lacking.setdefault((what, reason), []).append(name)
    return [f"{what} of {', '.join(names)}: {render_reason(reason)}" for (what, reason), names in lacking.items()]


def render_reason(reason: object) -> str:
    return escape_markdown(str(reason).removesuffix(" for an interval"))
