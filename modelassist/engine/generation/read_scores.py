"""Reading a score out of generated text: the expectation over the five levels at the answer's own positions.

Text outside the grammar is an explicit outcome with its reason. It never becomes a number.

One answer is scored behind the one reason it happened to give. Of several answers drawn for a clip the mean is scored:
the expectation over reasons as well as over levels. It doubts where its reasons differ (ADR 0009).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import torch
from torch import Tensor

from modelassist.engine.generation.sampler import Sample
from modelassist.engine.models.loader import Loaded
from qsave.axes import AXES, LEVEL_WORDS, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.grammar import ANSWER_OPEN, GrammarError, parse
from qsave.report_card import ReportCard

CUT_OFF = "the output was cut off"
"""How the reason begins of an answer that reached the length limit."""
LEVELS = torch.arange(MIN_LEVEL, MAX_LEVEL + 1, dtype=torch.float32)


@dataclass(frozen=True, slots=True)
class Scored:
    """What a critic made of one clip: a card whose scores are continuous, or the error that stands in its place."""

    card: ReportCard | None
    text: str
    probabilities: dict[Axis, tuple[float, ...]]
    """Five probabilities an axis, bad to excellent; empty where there is no card."""
    error: str | None = None
    unreadable: float = 0.0
    """The share of the clip's answers that could not be read: 0 or 1 for a single one."""


def unread(error: Exception) -> Scored:
    """What stands in the place of a card where the clip itself cannot be read."""
    return Scored(None, "", {}, str(error), unreadable=1.0)


def level_places(critic: Loaded, ids: Sequence[int]) -> tuple[int, ...] | None:
    """Where in a completion the three level words of its answer stand, or None where they do not."""
    start = _answer_start(critic, ids)
    if start is None:
        return None
    places = tuple(place for place in range(start, len(ids)) if ids[place] in critic.level_ids)
    return places if len(places) == len(AXES) else None


def expected_scores(level_logits: Tensor) -> Tensor:
    """(.., 5) logits of bad .. excellent as scores in [1, 5]."""
    return (torch.softmax(level_logits.float(), dim=-1) * LEVELS.to(level_logits.device)).sum(-1)


def decode(critic: Loaded, ids: Sequence[int]) -> str:
    """The text of a completion, without the token that ended it."""
    kept = [token for token in ids if token not in critic.end_ids]
    return str(critic.tokenizer.decode(kept, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def parsed(critic: Loaded, sample: Sample) -> ReportCard | None:
    """The card a sample says, with the levels it wrote; None where it is cut off or outside the grammar."""
    try:
        return parse(decode(critic, sample.ids)) if sample.finished else None
    except GrammarError:
        return None


def read_scores(critic: Loaded, samples: Sequence[Sample]) -> Scored:
    """The mean verdict of the samples of a clip that can be read, on the card of the one that comes nearest to it; of a
    single sample its own."""
    found = [_read(critic, sample) for sample in samples]
    read = [(scored, scored.card) for scored in found if scored.card]
    unreadable = 1 - len(read) / len(found)
    if len(read) < 2:
        return replace(read[0][0] if read else found[0], unreadable=unreadable)
    means = {
        axis: tuple(fmean(shares) for shares in zip(*(scored.probabilities[axis] for scored, _ in read), strict=True))
        for axis in AXES
    }
    scores = {axis: fmean(card.axis(axis).score for _, card in read) for axis in AXES}
    nearest, card = min(read, key=lambda one: sum(abs(one[1].axis(axis).score - scores[axis]) for axis in AXES))
    return Scored(_with_scores(card, scores), nearest.text, means, unreadable=unreadable)


def _read(critic: Loaded, sample: Sample) -> Scored:
    """A sample's card with the expectation as each axis' score."""
    text = decode(critic, sample.ids)
    if not sample.finished:
        return Scored(None, text, {}, f"{CUT_OFF} after {len(sample.ids)} tokens")
    try:
        card = parse(text)
    except GrammarError as error:
        return Scored(None, text, {}, f"the output is not in the grammar: {error}")
    places = level_places(critic, sample.ids)
    if places is None:
        return Scored(None, text, {}, "the output writes its levels with other tokens than expected")
    logits = sample.level_logits[list(places)]
    scores = expected_scores(logits).clamp(MIN_LEVEL, MAX_LEVEL).tolist()
    shares = torch.softmax(logits.float(), dim=-1).tolist()
    return Scored(
        _with_scores(card, dict(zip(AXES, scores, strict=True))),
        text,
        {axis: tuple(share) for axis, share in zip(AXES, shares, strict=True)},
    )


def _with_scores(card: ReportCard, scores: dict[Axis, float]) -> ReportCard:
    return ReportCard(**{axis.value: replace(card.axis(axis), score=scores[axis]) for axis in AXES})


def _answer_start(critic: Loaded, ids: Sequence[int]) -> int | None:
    """The token with which the last answer block begins. Tokens are joined from the end, as one alone need not be
    text."""
    mark = ANSWER_OPEN.strip()
    longest = 16 + 8 * len(AXES) * len(LEVEL_WORDS)
    for start in range(len(ids) - 1, max(-1, len(ids) - longest), -1):
        if mark in critic.tokenizer.decode(list(ids[start:]), clean_up_tokenization_spaces=False):
            return start
    return None
