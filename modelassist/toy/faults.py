"""Define the faults of toy clips: where and when each is visible, and how much it lowers the true quality.

A fault is a defect of the default taxonomy with a known strength. `compute_harm` returns the share of the scale that it
costs, so the true quality of an axis is a known function of its faults: from 5 without any down to 1.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qsave.axes import Axis
from qsave.report_card import Box, TimeRange
from qsave.taxonomy import DEFAULT_AXIS_OF_DEFECT


@dataclass(frozen=True, slots=True)
class Fault:
    """A defect of strength in (0, 1]; `time` None means the whole clip, `box` None the whole frame."""

    defect: str
    strength: float
    time: TimeRange | None = None
    box: Box | None = None

    @property
    def axis(self) -> Axis:
        return DEFAULT_AXIS_OF_DEFECT[self.defect]


@dataclass(frozen=True, slots=True)
class Kind:
    """How a defect is drawn at random; `weight` is its harm at full strength and extent."""

    defect: str
    weight: float
    timed: float = 0.0
    """Chance that the fault is visible for a limited time only."""
    boxed: float = 0.0
    """Chance that the fault is visible in a part of the frame only."""
    brief: bool = False
    """Whether the fault may last three frames or fewer."""
    needs_object: bool = False
    """Whether the fault is visible on the moving things only; then its box is the box of the things."""


VISUAL = (
    Kind("blur", 0.9, timed=0.5, boxed=0.4),
    Kind("noise", 0.85, timed=0.5, boxed=0.3),
    Kind("blockiness", 0.9, timed=0.5, boxed=0.4),
    Kind("over-exposed", 0.85, timed=0.5),
    Kind("under-exposed", 0.85, timed=0.5),
    Kind("colour-cast", 0.65, timed=0.4),
    Kind("banding", 0.6, timed=0.3),
    Kind("watermark", 0.5, boxed=1.0),
)
DYNAMIC = (
    Kind("frozen", 0.95, timed=1.0, needs_object=True),
    Kind("jitter", 0.8, timed=0.6, needs_object=True),
    Kind("flicker", 0.85, timed=0.7, brief=True),
    Kind("camera-shake", 0.75, timed=0.5),
    Kind("pops-in-or-out", 0.85, timed=1.0, brief=True, needs_object=True),
    Kind("implausible-physics", 0.85, timed=1.0, needs_object=True),
    Kind("too-little-motion", 0.75, needs_object=True),
    Kind("morphing", 0.8, timed=1.0, needs_object=True),
)
ALIGNMENT = (
    Kind("missing-object", 1.0),
    Kind("wrong-object", 0.8),
    Kind("wrong-colour", 0.65),
    Kind("wrong-count", 0.65),
    Kind("wrong-action", 0.7),
    Kind("wrong-setting", 0.6),
    Kind("extra-content", 0.5),
)
KINDS: dict[Axis, tuple[Kind, ...]] = {Axis.VISUAL: VISUAL, Axis.DYNAMIC: DYNAMIC, Axis.ALIGNMENT: ALIGNMENT}
_WEIGHT = {kind.defect: kind.weight for kinds in KINDS.values() for kind in kinds}


def compute_harm(fault: Fault, duration: float) -> float:
    """Return the share of the scale that one fault costs, in [0, 1]; a short or small fault costs less."""
    lasting = (fault.time.end - fault.time.start) / duration if fault.time else 1.0
    area = fault.box.width * fault.box.height if fault.box and fault.axis is Axis.VISUAL else 1.0
    power: float = fault.strength**0.7
    return _WEIGHT[fault.defect] * power * (0.6 + 0.4 * min(1.0, lasting)) * (0.7 + 0.3 * area)


def compute_quality(
    faults: Iterable[Fault], axis: Axis, duration: float, taste: Mapping[str, float] | None = None
) -> float:
    """Return the true quality of an axis in [1, 5]; `taste` multiplies the harm of defects for one rater."""
    intact = 1.0
    for fault in faults:
        if fault.axis is axis:
            intact *= 1.0 - min(1.0, compute_harm(fault, duration) * (taste or {}).get(fault.defect, 1.0))
    return 1.0 + 4.0 * intact
