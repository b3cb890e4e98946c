"""Read scores from generated text: the expectation over the five levels at the positions of the answer's level words.

Text outside the grammar gives an error with its reason; it never becomes a number.

The score of a single answer depends on the one reason that it wrote. With several samples for a clip the mean score is
used: an expectation over reasons as well as levels, which is less certain if the reasons differ (ADR 0009).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import torch
from torch import Tensor

from modelassist.engine.generation.sampler import Sample
from modelassist.engine.models.loader import LoadedModel
from qsave.axes import AXES, LEVEL_WORDS, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.grammar import ANSWER_OPEN, GrammarError, parse
from qsave.report_card import ReportCard

CUT_OFF = "the output was cut off"
"""Start of the error text of an answer that reached the length limit."""
LEVELS = torch.arange(MIN_LEVEL, MAX_LEVEL + 1, dtype=torch.float32)


@dataclass(frozen=True, slots=True)
class Scored:
    """A critic's result for one clip: a card with continuous scores, or the error that explains why it has no card."""

    card: ReportCard | None
    text: str
    probabilities: dict[Axis, tuple[float, ...]]
    """Five probabilities for each axis, bad to excellent; empty without a card."""
    error: str | None = None
    unreadable: float = 0.0
    """The share of the clip's samples that could not be read: 0 or 1 for a single one."""
    clip_seconds: float | None = None
    """How long the clip lasts, where it was read for this result."""
    left_out: tuple[str, ...] = ()
    """Times that were left out of the card because the clip does not have them, in words."""
    is_direct: bool = False
    """Whether it is a direct answer: levels alone. Its card says nothing of reasons and defects."""

    @classmethod
    def from_error(cls, error: Exception) -> "Scored":
        """Make the result of a clip that gave no answer."""
        return cls(None, "", {}, str(error), unreadable=1.0)


def find_level_positions(model: LoadedModel, ids: Sequence[int]) -> tuple[int, ...] | None:
    """Find the positions of the three level words in a completion's answer; returns None if they are not there."""
    start = _find_answer(model, ids)
    if start is None:
        return None
    positions = tuple(position for position in range(start, len(ids)) if ids[position] in model.level_ids)
    return positions if len(positions) == len(AXES) else None


def compute_expected_scores(level_logits: Tensor) -> Tensor:
    """Turn (.., 5) logits of bad .. excellent into scores in [1, 5]."""
    return (torch.softmax(level_logits.float(), dim=-1) * LEVELS.to(level_logits.device)).sum(-1)


def decode(model: LoadedModel, ids: Sequence[int]) -> str:
    """Decode a completion, without the token that ended it."""
    words = [token for token in ids if token not in model.end_ids]
    return str(model.tokenizer.decode(words, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def parse_sample(model: LoadedModel, sample: Sample) -> ReportCard | None:
    """Parse a sample's card, with the levels as written; returns None if it is cut off or outside the grammar."""
    try:
        return parse(decode(model, sample.ids)) if sample.finished else None
    except GrammarError:
        return None


def read_scores(model: LoadedModel, samples: Sequence[Sample]) -> Scored:
    """Average the scores of the samples that can be read.

    The card comes from the sample whose scores are nearest to the mean; its scores are replaced by the mean scores.
    """
    results = [_read_sample(model, sample) for sample in samples]
    readable = [(scored, scored.card) for scored in results if scored.card]
    unreadable = 1 - len(readable) / len(results)
    if len(readable) < 2:
        return replace(readable[0][0] if readable else results[0], unreadable=unreadable)
    probabilities = {
        axis: tuple(
            fmean(shares) for shares in zip(*(scored.probabilities[axis] for scored, _ in readable), strict=True)
        )
        for axis in AXES
    }
    means = {axis: fmean(card.axis(axis).score for _, card in readable) for axis in AXES}
    nearest, card = min(readable, key=lambda pair: sum(abs(pair[1].axis(axis).score - means[axis]) for axis in AXES))
    return Scored(_with_scores(card, means), nearest.text, probabilities, unreadable=unreadable)


def _read_sample(model: LoadedModel, sample: Sample) -> Scored:
    """Read a sample's card, with the expectation as the score of each axis."""
    text = decode(model, sample.ids)
    if not sample.finished:
        return Scored(None, text, {}, f"{CUT_OFF} after {len(sample.ids)} tokens")
    try:
        card = parse(text)
    except GrammarError as error:
        return Scored(None, text, {}, f"the output is not in the grammar: {error}")
    positions = find_level_positions(model, sample.ids)
    if positions is None:
        return Scored(None, text, {}, "the output writes its levels with other tokens than expected")
    logits = sample.level_logits[list(positions)]
    scores = compute_expected_scores(logits).clamp(MIN_LEVEL, MAX_LEVEL).tolist()
    shares = torch.softmax(logits.float(), dim=-1).tolist()
    return Scored(
        _with_scores(card, dict(zip(AXES, scores, strict=True))),
        text,
        {axis: tuple(share) for axis, share in zip(AXES, shares, strict=True)},
    )


def _with_scores(card: ReportCard, scores: dict[Axis, float]) -> ReportCard:
    return ReportCard(**{axis.value: replace(card.axis(axis), score=scores[axis]) for axis in AXES})


def _find_answer(model: LoadedModel, ids: Sequence[int]) -> int | None:
    """Find the token with which the last answer block begins.

    Tokens are joined from the end, since a single token need not be valid text.
    """
    mark = ANSWER_OPEN.strip()
    longest = 16 + 8 * len(AXES) * len(LEVEL_WORDS)
    for start in range(len(ids) - 1, max(-1, len(ids) - longest), -1):
        if mark in model.tokenizer.decode(list(ids[start:]), clean_up_tokenization_spaces=False):
            return start
    return None
