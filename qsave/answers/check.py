"""Check a critic's answer against the campaign and the clip: defects of the taxonomy on their own axis, times in the
clip.

A piece of evidence that fails is left out and the rest stays. An axis that had evidence and keeps none is refused: its
level rests on defects that cannot be shown. On an axis for which the campaign has no defects the critic was not asked
for any, so an answer without evidence says nothing of defects.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qsave.answers.clip_times import cut_to_clip, explain_time_outside
from qsave.axes import Axis
from qsave.proposal import AxisProposal
from qsave.report_card import Evidence
from qsave.taxonomy import Defect

NO_DEFECT = frozenset({"none", "no-defect", "no-defects"})
"""Words that some models write as a defect where they found none. As ids of a taxonomy they keep their meaning."""


@dataclass(frozen=True, slots=True)
class CheckedAxis:
    """What is left of one axis (None if it is refused), and in words what was left out."""

    proposal: AxisProposal | None
    left_out: tuple[str, ...] = ()


def check_axis(axis: Axis, one: AxisProposal, taxonomy: Sequence[Defect], duration: float) -> CheckedAxis:
    """Return the axis without the evidence that its campaign or its clip rules out. `duration` is in seconds."""
    axes = {defect.id: defect.axis for defect in taxonomy}
    if not one.evidence and axis not in axes.values():
        return CheckedAxis(replace(one, evidence=None))
    if one.evidence is None:
        return CheckedAxis(one)
    stated = [piece for piece in one.evidence if piece.defect in axes or piece.defect.lower() not in NO_DEFECT]
    within, left_out = [], []
    for piece in stated:
        if problem := _find_problem(axis, piece, axes, duration):
            left_out.append(problem)
        else:
            within.append(cut_to_clip(piece, duration))
    if stated and not within:
        return CheckedAxis(None, tuple(left_out))
    return CheckedAxis(replace(one, evidence=tuple(within)), tuple(left_out))


def _find_problem(axis: Axis, piece: Evidence, axes: dict[str, Axis], duration: float) -> str:
    """Return why a piece of evidence is refused; empty if it is not."""
    name = repr(piece.defect[:60])
    if piece.defect not in axes:
        return f"{name} is not a defect of this campaign"
    if axes[piece.defect] != axis:
        return f"{name} is a defect of {axes[piece.defect]}, not of {axis}"
    return explain_time_outside(piece, duration)
