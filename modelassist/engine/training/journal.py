"""Write the metrics and the progress of a run, which other programs read while it runs.

`metrics.jsonl` has one object for each step, also after a run was killed and resumed. `progress.json` has the current
step.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path

from modelassist.engine.settings.config import STAGES
from qsave.files import atomic_path, write_json
from qsave.run.files import METRICS_FILE, PROGRESS_FILE

_BEFORE_EVALUATION = 0.95
"""Share of a run's progress that its steps make up."""


class Journal:
    """The metrics and the progress file of a run folder; only one of several processes writes them."""

    def __init__(self, folder: Path, totals: Mapping[str, int], *, writes: bool = True) -> None:
        self.metrics = folder / METRICS_FILE
        self.progress = folder / PROGRESS_FILE
        self._totals, self._writes = dict(totals), writes
        self._started = time.monotonic()

    def rewind(self, stage: str | None, step: int) -> None:
        """Drop the metrics after a checkpoint (all of them if `stage` is None), so that no step is written twice."""
        if not self._writes or not self.metrics.is_file():
            return
        lines = self.metrics.read_text(encoding="utf-8").split("\n")
        earlier = [line for line in lines if _is_before(line, stage, step)]
        with atomic_path(self.metrics) as unfinished:
            unfinished.write_text("".join(f"{line}\n" for line in earlier), encoding="utf-8")

    def log_step(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        """Append the figures of a step and update the progress."""
        self.append({"stage": stage, "step": step, **figures})
        self.write_progress(stage, step)

    def append(self, row: Mapping[str, object]) -> None:
        """Append a line to the metrics."""
        if not self._writes:
            return
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def write_progress(self, stage: str, step: int, *, finished: bool = False) -> None:
        """Write the stage and the step that are done."""
        if not self._writes:
            return
        stages = list(self._totals)
        before = sum(self._totals[name] for name in stages[: stages.index(stage)]) if stage in stages else None
        total, steps = sum(self._totals.values()), self._totals.get(stage, 0)
        done = total if before is None else before + step
        value = {
            "stage": stage,
            "step": step,
            "steps": steps,
            "done": done,
            "total": total,
            "share": 1.0 if finished else round(_BEFORE_EVALUATION * done / max(1, total), 4),
            "message": "done" if finished else f"{stage}: step {step} of {steps}" if steps else stage,
            "seconds": round(time.monotonic() - self._started, 1),
            "finished": finished,
        }
        write_json(self.progress, value)


def format_figures(figures: Mapping[str, float]) -> str:
    """Format the main figures of a step for a progress bar."""
    parts = [f"loss {figures['loss']:.3f}"]
    if "tokens_per_second" in figures:
        parts.append(f"{figures['tokens_per_second']:,.0f} tokens/s")
    if "mfu" in figures:
        parts.append(f"MFU {figures['mfu']:.0%}")
    return ", ".join(parts)


def _is_before(line: str, stage: str | None, step: int) -> bool:
    try:
        row = json.loads(line)
    except ValueError:
        return False  # the line that was being written when the run was killed
    if row.get("stage") not in STAGES or stage is None:
        return False
    return (STAGES.index(row["stage"]), row["step"]) <= (STAGES.index(stage), step)
