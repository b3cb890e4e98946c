"""Versions of the prompt and of a list of defects: a critic answers well only what it was trained on."""

import hashlib
from collections.abc import Sequence

from qsave.prompt import SYSTEM_PROMPT
from qsave.taxonomy import Defect

_LENGTH = 12


def compute_prompt_version() -> str:
    """Return a digest of the prompt that critics are asked with now."""
    return _digest(SYSTEM_PROMPT)


def compute_taxonomy_version(defects: Sequence[Defect]) -> str:
    """Return a digest of the ids and axes of the defects; their order and labels do not matter."""
    return _digest("\n".join(sorted(f"{defect.axis}:{defect.id}" for defect in defects)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]
