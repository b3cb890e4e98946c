"""The examples of a campaign's guidelines, as raters see them: by axis, then by level."""

from collections.abc import Iterable
from dataclasses import dataclass

from annotation.campaigns.guidelines import Example
from annotation.shared.levels import level_name
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL


@dataclass(frozen=True, slots=True)
class LevelExamples:
    """One level of an axis with what shows it; a level may have none."""

    level: int
    word: str
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class AxisExamples:
    """The five levels of an axis, from bad to excellent."""

    axis: str
    levels: tuple[LevelExamples, ...]


def by_level(examples: Iterable[Example]) -> list[AxisExamples]:
    """The axes that have examples, each with its five levels."""
    given = list(examples)
    return [
        AxisExamples(
            axis.value,
            tuple(
                LevelExamples(
                    level,
                    level_name(level),
                    tuple(one for one in given if (one.axis, one.level) == (axis.value, level)),
                )
                for level in range(MIN_LEVEL, MAX_LEVEL + 1)
            ),
        )
        for axis in AXES
        if any(one.axis == axis.value for one in given)
    ]
