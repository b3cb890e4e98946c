"""Measure each clip once. Readings are stored by content hash and by the version of the measurement, on disk."""

import json
from pathlib import Path

from modelassist.engine.inputs.examples import Example
from qsave.detectors.measure import measure_clip
from qsave.detectors.readings import VERSION, Readings, readings_from_json, readings_to_json
from qsave.files import atomic_path
from qsave.frames.guard import guard_file
from qsave.parsing import parse_json


class ReadingStore:
    """The readings of clips, in a folder; that of their frames may be the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load_readings(self, example: Example) -> Readings:
        """Return the readings of one clip; raises MediaError if it cannot be measured."""
        path = self.folder / f"{example.sha256}-readings-{VERSION}.json"
        stored = _read(path)
        if stored is not None:
            return stored
        with guard_file():
            readings = measure_clip(example.path)
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as unfinished:
            unfinished.write_text(json.dumps(readings_to_json(readings)), encoding="ascii")
        return readings


def _read(path: Path) -> Readings | None:
    """Read stored readings; returns None if the file is missing or damaged, so that the clip is measured again."""
    try:
        return readings_from_json(parse_json(path.read_bytes()))
    except (OSError, ValueError):  # ReadingsError is a ValueError
        return None
