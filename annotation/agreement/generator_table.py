"""The table of generators on the agreement page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qsave.axes import AXES, Axis
from qsave.statistics.evidence import LEVELS, Weighed, weigh
from qsave.statistics.generators import GeneratorFigures


@dataclass(frozen=True, slots=True)
class GeneratorRow:
    """One generator with its mean MOS on each axis (None: nothing was rated)."""

    name: str
    clips: int
    figures: tuple[Weighed | None, ...]

    @property
    def thin(self) -> bool:
        return any(figure is not None and figure.is_thin for figure in self.figures)


def list_generator_rows(figures: Mapping[Axis, Sequence[GeneratorFigures]]) -> list[GeneratorRow]:
    """Return the generators by name, each with the three axes."""
    by_name = {axis: {line.generator: line for line in lines} for axis, lines in figures.items()}
    rows = []
    for name in sorted({name for lines in by_name.values() for name in lines}):
        lines = [by_name[axis].get(name) for axis in AXES]
        on_axes = tuple(weigh(line.mos, scale=LEVELS) if line else None for line in lines)
        rows.append(GeneratorRow(name, max(line.clips for line in lines if line), on_axes))
    return rows
