"""A critic's proposal for one clip: any subset of the axes, each with evidence and, if the critic gives them, a reason
and a score.

An axis that is not proposed is absent: the critic says nothing of it. A report card is a proposal of all three axes,
and its JSON is the JSON of that proposal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.report_card import Evidence, ReportCard, ReportCardError, evidence_from_json, evidence_to_json


@dataclass(frozen=True, slots=True)
class AxisProposal:
    """What a critic proposes on one axis.

    Empty evidence says "no defect": the critic looked and found none. Evidence of None says nothing of defects.
    """

    evidence: tuple[Evidence, ...] | None = None
    reason: str = ""
    score: float | None = None
    note: str = ""
    """What was measured and by which threshold. Pages show it beside the draft; it never becomes a rater's reason."""

    def __post_init__(self) -> None:
        if self.score is not None and not MIN_LEVEL <= self.score <= MAX_LEVEL:
            raise ReportCardError(f"a score must be from {MIN_LEVEL} to {MAX_LEVEL}, got {self.score}")

    @property
    def is_score_only(self) -> bool:
        """Whether it says nothing in words: neither of defects nor why."""
        return self.evidence is None and not self.reason.strip()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A critic's proposal for one clip; None for an axis of which it says nothing."""

    visual: AxisProposal | None = None
    dynamic: AxisProposal | None = None
    alignment: AxisProposal | None = None

    @classmethod
    def from_card(cls, card: ReportCard) -> Proposal:
        """Propose all that a report card says."""
        reports = {axis.value: card.axis(axis) for axis in AXES}
        return cls(**{name: AxisProposal(one.evidence, one.reason, one.score) for name, one in reports.items()})

    @property
    def axes(self) -> dict[Axis, AxisProposal]:
        """Return the proposed axes, in the fixed order."""
        every = {Axis.VISUAL: self.visual, Axis.DYNAMIC: self.dynamic, Axis.ALIGNMENT: self.alignment}
        return {axis: one for axis in AXES if (one := every[axis]) is not None}

    @property
    def scores(self) -> dict[Axis, float]:
        """Return the proposed scores; an axis without a score is absent."""
        return {axis: one.score for axis, one in self.axes.items() if one.score is not None}


def proposal_to_json(proposal: Proposal) -> dict[str, Any]:
    """Return `{axis: {"score": .. | null, "evidence": [..] | null, "reason": "..", "note": ".."}}`.

    It has the proposed axes only, and `note` only where it is not empty.
    """
    return {axis.value: _axis_to_json(one) for axis, one in proposal.axes.items()}


def _axis_to_json(one: AxisProposal) -> dict[str, Any]:
    evidence = None if one.evidence is None else evidence_to_json(one.evidence)
    value = {"score": one.score, "evidence": evidence, "reason": one.reason}
    return {**value, "note": one.note} if one.note else value


def proposal_from_json(value: object) -> Proposal:
    """Parse a proposal from the JSON of `proposal_to_json` or of `card_to_json`.

    Raises ReportCardError, which names the axis and the field.
    """
    if not isinstance(value, Mapping):
        raise ReportCardError(f"a proposal is an object with some of the axes, got {type(value).__name__}")
    if unknown := sorted(str(name) for name in value if name not in AXES):
        raise ReportCardError(f"a proposal has only the axes {', '.join(AXES)}; got {', '.join(unknown)}")
    return Proposal(**{axis.value: _axis_from_json(axis, value[axis.value]) for axis in AXES if axis.value in value})


def _axis_from_json(axis: Axis, value: object) -> AxisProposal:
    if not isinstance(value, Mapping):
        raise ReportCardError(f"{axis}: expected an object, got {type(value).__name__}")
    score, texts = value.get("score"), {field: value.get(field, "") for field in ("reason", "note")}
    if isinstance(score, bool) or not isinstance(score, int | float | None):
        raise ReportCardError(f"{axis}: score must be a number or null, got {score!r}")
    for field, text in texts.items():
        if not isinstance(text, str):
            raise ReportCardError(f"{axis}: {field} must be text, got {type(text).__name__}")
    try:
        evidence = None if value.get("evidence") is None else evidence_from_json(value["evidence"])
        return AxisProposal(evidence, score=score, **texts)
    except ReportCardError as error:
        raise ReportCardError(f"{axis}: {error}") from None
