"""What a run says of itself while it runs: metrics as JSON lines, and where it stands.

Both are for others to read: the metrics hold one object a step, each step once even where a run was cut and resumed.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelassist.engine.settings.config import STAGES
from qsave.files import atomic_path, write_json

_BEFORE_EVALUATION = 0.95
"""How much of a run's progress its steps make up."""


class Journal:
    """The metrics and the progress file of one run folder; of several processes one writes them."""

    def __init__(self, folder: Path, totals: Mapping[str, int], *, writes: bool = True) -> None:
        self.metrics = folder / "metrics.jsonl"
        self.progress = folder / "progress.json"
        self._totals, self._writes = dict(totals), writes
        self._started = time.monotonic()

    def rewind(self, stage: str | None, step: int) -> None:
        """Drop what was written after a checkpoint (or everything), so that resumed steps are not told twice."""
        if not self._writes or not self.metrics.is_file():
            return
        lines = self.metrics.read_text(encoding="utf-8").split("\n")
        kept = [line for line in lines if _before(line, stage, step)]
        with atomic_path(self.metrics) as unfinished:
            unfinished.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def step(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        """One step is done."""
        self.note({"stage": stage, "step": step, **figures})
        self.stand(stage, step)

    def note(self, row: Mapping[str, Any]) -> None:
        """Append one line of metrics."""
        if not self._writes:
            return
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def stand(self, stage: str, step: int, *, finished: bool = False) -> None:
        """Say where the run stands."""
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


def in_a_line(figures: Mapping[str, float]) -> str:
    """What of a step is worth watching while it runs."""
    said = [f"loss {figures['loss']:.3f}"]
    if "tokens_per_second" in figures:
        said.append(f"{figures['tokens_per_second']:,.0f} tokens/s")
    if "mfu" in figures:
        said.append(f"MFU {figures['mfu']:.0%}")
    return ", ".join(said)


def _before(line: str, stage: str | None, step: int) -> bool:
    try:
        row = json.loads(line)
    except ValueError:
        return False  # the line that was being written when the run was cut
    if row.get("stage") not in STAGES or stage is None:
        return False
    return (STAGES.index(row["stage"]), row["step"]) <= (STAGES.index(stage), step)
