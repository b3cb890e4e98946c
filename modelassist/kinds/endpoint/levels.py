"""Compute expected scores from the log-probabilities of an answer's level words."""

import math
from collections.abc import Mapping, Sequence

from modelassist.kinds.endpoint.client import Token
from qsave.answers.reading import locate_levels
from qsave.axes import LEVEL_WORDS, MAX_LEVEL, MIN_LEVEL, Axis, parse_level

_LEAST_MASS = 0.5
"""Least probability of all level words together: below it the position is not that of a level."""


def compute_expected_scores(text: str, tokens: Sequence[Token]) -> dict[Axis, float]:
    """Return the expectation over the five levels for each axis whose level word has log-probabilities."""
    if "".join(token.text for token in tokens) != text:
        return {}
    scores = {
        axis: compute_expectation(_find_likely(tokens, start)) for axis, (start, _) in locate_levels(text).items()
    }
    return {axis: score for axis, score in scores.items() if score is not None}


def compute_expectation(likely: Mapping[str, float]) -> float | None:
    """Return the expected level under the log-probabilities of tokens; None if they are not those of level words.

    A token may be a level word or the start of one, with quotes and spaces. The level words begin with five different
    letters, so that a start is enough.
    """
    masses = dict.fromkeys(LEVEL_WORDS, 0.0)
    for token, logprob in likely.items():
        word = token.strip(' "\n\t:').lower()
        whole = next((name for name in LEVEL_WORDS if word and name.startswith(word)), None)
        if whole is not None and logprob <= 1e-3:
            masses[whole] += math.exp(logprob)
    total = sum(masses.values())
    if total < _LEAST_MASS:
        return None
    score = sum(parse_level(word) * mass for word, mass in masses.items()) / total
    return min(max(score, MIN_LEVEL), MAX_LEVEL)


def _find_likely(tokens: Sequence[Token], position: int) -> Mapping[str, float]:
    """Return the log-probabilities of the token that has the character at `position`."""
    end = 0
    for token in tokens:
        end += len(token.text)
        if position < end:
            return token.likely
    return {}
