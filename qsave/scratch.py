"""Scratch text: the notes that a critic writes about a clip before it gives its reason.

The toy critic describes each moment inside its reasons (ADR 0008). These notes help the model only; people see the
reason without them.
"""

import re
from dataclasses import replace

from qsave.proposal import Proposal

MOMENTS = "At {} moments:"
MAP = "Map of colours:"
COMPARISON = "Asked and seen:"
"""How the three kinds of scratch sentence begin."""

_BEGINS = re.compile(
    "|".join([re.escape(MOMENTS).replace(r"\{\}", r"\d+"), re.escape(MAP), re.escape(COMPARISON)]), re.IGNORECASE
)
_SENTENCE_END = re.compile(r"\.(?=\s|\Z)|\Z")


def strip_scratch(reason: str) -> str:
    """Return a reason without its scratch text: the part after the last scratch sentence, or else before the first."""
    matches = list(_BEGINS.finditer(reason))
    if not matches:
        return reason
    last = matches[-1]
    end = _find_sentence_end(reason, last.end())
    if last[0].casefold() == MAP.casefold():
        end = _find_sentence_end(reason, end)  # the sentence after a map says in words what the map shows
    return reason[end:].strip() or reason[: matches[0].start()].strip()


def strip_proposal(proposal: Proposal) -> Proposal:
    """Return the proposal with the scratch text stripped from the reason of each axis."""
    stripped = {axis.value: replace(one, reason=strip_scratch(one.reason)) for axis, one in proposal.axes.items()}
    return Proposal(**stripped)


def _find_sentence_end(text: str, start: int) -> int:
    match = _SENTENCE_END.search(text, start)
    return match.end() if match else len(text)
