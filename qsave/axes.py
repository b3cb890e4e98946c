"""The three axes and the five levels that every package uses.

Levels are those of ITU-T P.910 absolute category rating (ACR): 1 bad, 2 poor, 3 fair, 4 good, 5 excellent.
"""

import math
from enum import StrEnum


class Axis(StrEnum):
    VISUAL = "visual"
    DYNAMIC = "dynamic"
    ALIGNMENT = "alignment"


AXES: tuple[Axis, ...] = tuple(Axis)

LEVEL_WORDS: tuple[str, ...] = ("bad", "poor", "fair", "good", "excellent")
MIN_LEVEL = 1
MAX_LEVEL = len(LEVEL_WORDS)

_VALUE_OF_WORD = {word: value for value, word in enumerate(LEVEL_WORDS, start=MIN_LEVEL)}


def name_level(level: int) -> str:
    """Return the word of a level. Raises ValueError for a level outside 1..5."""
    if not MIN_LEVEL <= level <= MAX_LEVEL:
        raise ValueError(f"a level must be from {MIN_LEVEL} to {MAX_LEVEL}, got {level}")
    return LEVEL_WORDS[level - MIN_LEVEL]


def parse_level(word: str) -> int:
    """Return the level of a word. Raises ValueError for any other word."""
    try:
        return _VALUE_OF_WORD[word]
    except KeyError:
        raise ValueError(f"unknown level {word!r}; expected one of {', '.join(LEVEL_WORDS)}") from None


def round_to_level(mos: float) -> int:
    """Round a MOS in [1, 5] to a level, half up (2.5 -> 3), as releases state."""
    if not MIN_LEVEL <= mos <= MAX_LEVEL:
        raise ValueError(f"a MOS must be from {MIN_LEVEL} to {MAX_LEVEL}, got {mos}")
    return math.floor(mos + 0.5)
