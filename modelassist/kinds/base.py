"""What every kind of critic offers: it answers questions about clips with proposals.

There is one module a kind beside this one. A kind needs no database: it gets files and words, and returns proposals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from qsave.proposal import Proposal
from qsave.taxonomy import Defect


@dataclass(frozen=True, slots=True)
class ClipQuestion:
    """A clip to judge: its video, its prompt, and the defects that its campaign offers."""

    video: Path
    prompt: str
    taxonomy: tuple[Defect, ...]
    is_direct: bool = False
    """Whether scores alone are wanted, without reasons and defects. Only a local model answers that way."""


@dataclass(frozen=True, slots=True)
class ClipAnswer:
    """What a critic answered for one clip: a proposal, or the reason why it is missing."""

    proposal: Proposal | None = None
    text: str = ""
    """The critic's words as generated; of the detectors, what they measured and found. Leads read it."""
    error: str = ""
    """A full sentence that says why there is no proposal; empty if there is one."""


class CriticUnavailable(RuntimeError):
    """The critic cannot load or answer now, whatever the clip. The message says why and what to do, in full
    sentences. Drafting pauses with it."""


class Proposer(Protocol):
    """A critic that is ready to answer."""

    def propose(self, questions: Sequence[ClipQuestion]) -> list[ClipAnswer]:
        """Answer each question, in order; one bad clip fails alone. Raises CriticUnavailable."""
        ...
