"""Scratch text: what a critic takes down of a clip before it judges.

The toy critic describes each moment inside its reasons (ADR 0008): its words judge nothing and are written for the
model alone. People see what is left of a reason without them.
"""

import re
from dataclasses import replace

from qsave.axes import AXES
from qsave.report_card import ReportCard

MOMENTS = "At {} moments:"
MAP = "Map of colours:"
COMPARISON = "Asked and seen:"
"""How the three kinds of scratch sentence begin."""

_BEGINS = re.compile(
    "|".join([re.escape(MOMENTS).replace(r"\{\}", r"\d+"), re.escape(MAP), re.escape(COMPARISON)]), re.IGNORECASE
)
_SENTENCE_END = re.compile(r"\.(?=\s|\Z)|\Z")


def strip_scratch(reason: str) -> str:
    """The reason without its scratch text: what follows the last scratch sentence, or else precedes the first."""
    found = list(_BEGINS.finditer(reason))
    if not found:
        return reason
    last = found[-1]
    end = _sentence_end(reason, last.end())
    if last[0].casefold() == MAP.casefold():
        end = _sentence_end(reason, end)  # the sentence after a map says in words what the map shows
    return reason[end:].strip() or reason[: found[0].start()].strip()


def strip_card(card: ReportCard) -> ReportCard:
    """The card with each reason stripped of its scratch text."""
    return ReportCard(
        **{axis.value: replace(card.axis(axis), reason=strip_scratch(card.axis(axis).reason)) for axis in AXES}
    )


def _sentence_end(text: str, start: int) -> int:
    match = _SENTENCE_END.search(text, start)
    return match.end() if match else len(text)
