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


def level_word(level: int) -> str:
    """The word of a level in 1..5; raises ValueError outside it."""
    if not MIN_LEVEL <= level <= MAX_LEVEL:
        raise ValueError(f"level must be {MIN_LEVEL}..{MAX_LEVEL}, got {level}")
    return LEVEL_WORDS[level - MIN_LEVEL]


def level_value(word: str) -> int:
    """The level of a word; raises ValueError for any other word."""
    try:
        return _VALUE_OF_WORD[word]
    except KeyError:
        raise ValueError(f"unknown level {word!r}; expected one of {', '.join(LEVEL_WORDS)}") from None


def level_of_mos(mos: float) -> int:
    """A MOS in [1, 5] as a level, rounding half up (2.5 -> 3): the rule that releases state."""
    if not MIN_LEVEL <= mos <= MAX_LEVEL:
        raise ValueError(f"a MOS lies in [{MIN_LEVEL}, {MAX_LEVEL}], got {mos}")
    return math.floor(mos + 0.5)
