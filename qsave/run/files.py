"""File names of a folder that a training run or an evaluation writes."""

import os
from pathlib import Path

RUN_FILE = "run.json"
METRICS_FILE = "metrics.jsonl"
PROGRESS_FILE = "progress.json"
CONSISTENCY_FILE = "cooldown.json"
EVALUATION_FILE = "evaluation.json"
REPORT_FILE = "evaluation.md"
CHECKPOINTS_FOLDER, MODEL_FOLDER, PLOTS_FOLDER, CACHE_FOLDER = "checkpoints", "model", "plots", "cache"


def name_predictions_file(split: str, rival: str = "") -> str:
    """Name the CSV file with the predictions of one split, of the critic or of a rival."""
    return f"predictions-{split}-{rival}.csv" if rival else f"predictions-{split}.csv"


def get_frames_folder(release: Path, out: Path) -> Path:
    """Return the folder in which the decoded frames of a release are cached.

    It is beside the release, so that all runs share it; or below the run or evaluation `out`, if nothing may be written
    there.
    """
    release = release.resolve()
    beside = release.with_name(f"{release.name}-frames")
    may_write = os.access(beside if beside.exists() else beside.parent, os.W_OK)
    return beside if may_write else out / CACHE_FOLDER / "frames"
