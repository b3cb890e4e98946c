"""Read what the pages of training runs show: state, curves, figures, and the last lines of a failed trainer."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotation.shared.plots import thin_evenly
from modelassist.bridge import run_folder
from modelassist.models import Critic, Run
from modelassist.services import trainer
from modelassist.services.runs import RESUMABLE
from operations.models import Job, JobState
from qsave.run.files import (
    CONSISTENCY_FILE,
    EVALUATION_FILE,
    METRICS_FILE,
    PLOTS_FOLDER,
    REPORT_FILE,
    RUN_FILE,
    name_predictions_file,
)

FILES = (
    REPORT_FILE,
    EVALUATION_FILE,
    name_predictions_file("*"),
    CONSISTENCY_FILE,
    METRICS_FILE,
    RUN_FILE,
    f"{PLOTS_FOLDER}/*.png",
)
"""Files of a run that can be shown and downloaded: figures and pictures, not weights."""
MAX_POINTS = 400
"""Most points of one curve on a page; longer curves are thinned evenly and keep the last point."""
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
    """Files to download."""


def list_runs() -> list[RunLine]:
    """List the newest runs, in one query and one more for their critics."""
    runs = Run.objects.select_related("release", "job", "created_by").prefetch_related("critics")[:NEWEST]
    return [_make_line(run) for run in runs]


def read_run_page(run: Run) -> RunPage:
    """Read everything about one run; its curves come from the metrics that the engine writes."""
    folder = run_folder(run)
    line = _make_line(run)
    words = trainer.read_last_lines(folder) if line.state == JobState.FAILED else ""
    return RunPage(
        line=line, folder=folder, curves=read_curves(folder / METRICS_FILE), words=words, files=list_run_files(run)
    )


def list_run_files(run: Run) -> list[str]:
    """List the files of a run that can be shown, the report first."""
    folder = run_folder(run)
    paths = [path for pattern in FILES for path in sorted(folder.glob(pattern)) if path.is_file()]
    return [path.relative_to(folder).as_posix() for path in paths]


def read_curves(path: Path) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """Read the numbers of a metrics file by stage and figure; a line that is still being written is skipped."""
    curves: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for row in _read_rows(path):
        stage, step = row.get("stage"), row.get("step")
        if not isinstance(stage, str) or not isinstance(step, int):
            continue
        for name, value in _read_numbers(row).items():
            curves.setdefault(stage, {}).setdefault(name, []).append((step, value))
    return {
        stage: {name: list(thin_evenly(points, MAX_POINTS)) for name, points in figures.items()}
        for stage, figures in curves.items()
    }


def _make_line(run: Run) -> RunLine:
    return RunLine(run=run, job=run.job, critic=next(iter(run.critics.all()), None))


def _read_rows(path: Path) -> Iterable[Mapping[str, Any]]:
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


def _read_numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of one step; NaN is left out of a curve."""
    return {
        name: float(value)
        for name, value in row.items()
        if name != "step" and isinstance(value, int | float) and not isinstance(value, bool) and value == value
    }
