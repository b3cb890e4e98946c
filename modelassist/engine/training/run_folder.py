"""Check the folder of a run, and read the settings with which the run started."""

import json
from pathlib import Path

from modelassist.engine.inputs.examples import DataError
from modelassist.engine.settings.config import NEW_NAMES, list_old_names
from modelassist.engine.training.checkpoints import CheckpointError
from qsave.run.files import (
    CACHE_FOLDER,
    CHECKPOINTS_FOLDER,
    EVALUATION_FILE,
    METRICS_FILE,
    MODEL_FOLDER,
    PLOTS_FOLDER,
    REPORT_FILE,
    RUN_FILE,
)

_WRITTEN = (
    CHECKPOINTS_FOLDER,
    MODEL_FOLDER,
    EVALUATION_FILE,
    REPORT_FILE,
    METRICS_FILE,
    PLOTS_FOLDER,
    CACHE_FOLDER,
)
"""Files and folders that a run overwrites."""


def require_apart(out: Path, release: Path, model_name: str) -> None:
    """Raise DataError if `out` is inside the release or the model folder."""
    for kind, folder in (("release", release), ("model", Path(model_name).expanduser())):
        if folder.is_dir() and out.resolve().is_relative_to(folder.resolve()):
            raise DataError(f"{out} is inside the {kind} {folder}, which would be changed: choose another --out.")


def require_own(out: Path, *, resume: bool) -> None:
    """Raise DataError if `out` has files of something else, CheckpointError if there is no run that can be resumed."""
    if (out / RUN_FILE).exists():
        if resume:
            read_settings_of_run(out)
        return
    if resume:
        raise CheckpointError(f"{out} holds no run to resume: check --out, or leave out --resume.")
    taken = [name for name in _WRITTEN if (out / name).exists()]
    if taken:
        raise DataError(f"{out} holds {taken[0]}, and no run that wrote it: choose another --out.")


def read_settings_of_run(out: Path) -> dict[str, object]:
    """Read the settings with which the run in a folder started; returns an empty table if there is no run.

    Raises CheckpointError if the settings have names of an earlier version: such a run cannot be resumed.
    """
    try:
        settings = json.loads((out / RUN_FILE).read_text(encoding="utf-8"))["config"]
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return {}
    if not isinstance(settings, dict):
        return {}
    if old_names := list_old_names(settings):
        raise CheckpointError(
            f"{out} was begun by an earlier version, in which {NEW_NAMES[old_names[0]]} was called {old_names[0]}, and"
            " cannot be resumed. Its critic can still be used and evaluated; to train again, choose another --out."
        )
    return settings
