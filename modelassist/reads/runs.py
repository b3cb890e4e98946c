"""What the pages of training runs show: where each stands, its curves, its figures, its last words."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelassist.bridge import run_folder
from modelassist.models import Critic, Run
from modelassist.services import trainer
from modelassist.services.runs import RESUMABLE
from operations.models import Job, JobState
from qsave.run import (
    CONSISTENCY_FILE,
    EVALUATION_FILE,
    METRICS_FILE,
    PLOTS_FOLDER,
    REPORT_FILE,
    RUN_FILE,
    predictions_file,
)

FILES = (
    REPORT_FILE,
    EVALUATION_FILE,
    predictions_file("*"),
    CONSISTENCY_FILE,
    METRICS_FILE,
    RUN_FILE,
    f"{PLOTS_FOLDER}/*.png",
)
"""What of a run's folder can be looked at and taken away: figures and pictures, not weights."""
MOST_POINTS = 400
"""Points of one curve on a page; longer ones are thinned evenly, the last point kept."""
NEWEST = 100


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in the list."""

    run: Run
    job: Job | None
    critic: Critic | None

    @property
    def state(self) -> str:
        return self.job.state if self.job else "no job"

    @property
    def can_cancel(self) -> bool:
        return self.state in (JobState.QUEUED, JobState.RUNNING)

    @property
    def can_resume(self) -> bool:
        return self.state in RESUMABLE


@dataclass(frozen=True, slots=True)
class RunPage:
    """One run."""

    line: RunLine
    folder: Path
    curves: dict[str, dict[str, list[tuple[int, float]]]]
    """stage -> figure -> [(step, value), ..]"""
    words: str
    """The last lines of a trainer that failed; empty otherwise."""
    files: list[str]
    """What can be taken away; pictures are shown beside the figures."""


def run_list() -> list[RunLine]:
    """The newest runs, in one query and one more for their critics."""
    runs = Run.objects.select_related("release", "job", "created_by").prefetch_related("critics")[:NEWEST]
    return [_line(run) for run in runs]


def run_page(run: Run) -> RunPage:
    """Everything about one run; its curves come from the metrics that the engine writes."""
    folder = run_folder(run)
    line = _line(run)
    words = trainer.last_lines(folder) if line.state == JobState.FAILED else ""
    return RunPage(line=line, folder=folder, curves=curves(folder / METRICS_FILE), words=words, files=run_files(run))


def run_files(run: Run) -> list[str]:
    """The names of what a run has written that can be looked at, the report first."""
    folder = run_folder(run)
    found = [path for pattern in FILES for path in sorted(folder.glob(pattern)) if path.is_file()]
    return [path.relative_to(folder).as_posix() for path in found]


def curves(path: Path) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """The numbers of a metrics file by stage and figure. A line still being written is passed over."""
    found: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for row in _rows(path):
        stage, step = row.get("stage"), row.get("step")
        if not isinstance(stage, str) or not isinstance(step, int):
            continue
        for name, value in _numbers(row).items():
            found.setdefault(stage, {}).setdefault(name, []).append((step, value))
    return {stage: {name: thinned(points) for name, points in of.items()} for stage, of in found.items()}


def thinned(points: list[tuple[int, float]], most: int = MOST_POINTS) -> list[tuple[int, float]]:
    """At most `most` of the points, evenly spaced, the first and the last among them."""
    if len(points) <= most:
        return points
    return [points[round(place * (len(points) - 1) / (most - 1))] for place in range(most)]


def _line(run: Run) -> RunLine:
    return RunLine(run=run, job=run.job, critic=next(iter(run.critics.all()), None))


def _rows(path: Path) -> Iterable[Mapping[str, Any]]:
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                yield row


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """The figures of one step; a rate that is no number (NaN is none) has no place on a curve."""
    return {
        name: float(value)
        for name, value in row.items()
        if name != "step" and isinstance(value, int | float) and not isinstance(value, bool) and value == value
    }
