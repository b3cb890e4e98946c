"""Readings of a clip's file over time, for its timeline. A higher package measures clips; this one asks it.

The reader is registered when the site starts. Without one, no page shows readings.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadingLane:
    """One reading over time. `points` are those of an SVG polyline: x in percent of the clip, y from 0 (top) to 20."""

    name: str
    points: str
    summary: str
    """One sentence, for those who do not see the line."""


LaneReader = Callable[[str], list[ReadingLane]]
CriticTest = Callable[[str], bool]
_readers: list[LaneReader] = []
_tests: list[CriticTest] = []


def register_lane_reader(reader: LaneReader) -> LaneReader:
    _readers.append(reader)
    return reader


def register_measuring_critics(drafts_from_readings: CriticTest) -> None:
    """Register what says of a critic, by its name and version, whether its drafts rest on the readings."""
    _tests.append(drafts_from_readings)


def drafts_from_readings(critic: str) -> bool:
    """Return whether the drafts of a critic rest on the readings, so that a rater may see them too."""
    return any(test(critic) for test in _tests)


def read_lanes(sha256: str) -> list[ReadingLane]:
    """Return the readings of a file by its hash; an empty list before it was measured."""
    return [lane for reader in _readers for lane in reader(sha256)]
