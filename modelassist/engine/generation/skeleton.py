"""The steps of a guided answer: what is fixed is given, and at each other place only what the grammar allows.

A model that was not trained on report cards seldom keeps to the grammar. Here it decides what it says of a clip and
not in which form: its reasons are free text without the signs of the grammar, its evidence names only defects of the
taxonomy, each on its own axis, with times and boxes inside the clip, and its levels are the five words. The budget of
tokens limits the reasons and the evidence; the levels always follow.
"""

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from modelassist.engine.generation.vocabulary import Vocabulary
from qsave.axes import AXES, Axis
from qsave.grammar import ANSWER_CLOSE, ANSWER_OPEN, LEVEL_PREFIX, THINK_CLOSE, THINK_OPEN
from qsave.taxonomy import Defect

MAX_ITEMS = 3
"""Most pieces of evidence of one axis."""
LEAST_REASON = 8
"""Tokens that every reason may take, however small the limit is."""
_LOOP_TOKENS, _LOOP_WORDS = 12, 3
"""A reason ends if its last tokens, this many, are of this few kinds: greedy models fall into loops."""
_TENTHS = 10
_CLOSING = (THINK_CLOSE + ANSWER_OPEN.rstrip(), f"\n{ANSWER_CLOSE}")
_FIXED = (THINK_OPEN, *(f"[{axis}]" for axis in AXES), *("\n" for _ in AXES), *LEVEL_PREFIX.values(), *_CLOSING)
_BOX_CHARACTERS = len(" @99,99,100,100")

T = TypeVar("T")
Option = tuple[tuple[int, ...], T]
"""A sequence of tokens, and what it means."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One decision: the most likely of the allowed tokens is taken."""

    allowed: Tensor
    """Ids of tokens."""
    unwritten: frozenset[int] = frozenset()
    """Those of them that are not written: after one of them the next step decides at the same position."""


Steps = Generator[Step, int, T]
"""Yields each decision and is sent the token that was taken."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How many tokens each part of an answer may take."""

    reason: int
    """Of one axis."""
    items: int
    """Pieces of evidence of one axis."""
    most: int
    """Tokens of a whole answer, at most."""


def plan_budget(vocabulary: Vocabulary, taxonomy: Sequence[Defect], seconds: float, max_tokens: int) -> Budget:
    """Split a limit of tokens: evidence takes at most half of what is not fixed, and reasons the rest.

    A limit that is too small for LEAST_REASON and one piece of evidence on each axis is exceeded.
    """
    fixed = sum(len(vocabulary.encode(text)) for text in _FIXED) + len(AXES) + 1  # the levels, and the end
    places = len(f" ({seconds:.1f}-{seconds:.1f}s: )") + _BOX_CHARACTERS  # a token has at least one character
    item = places + max((len(vocabulary.encode(f" {defect.id}")) + 1 for defect in taxonomy), default=0)
    items = min(MAX_ITEMS, max(1, (max_tokens - fixed) // (2 * len(AXES) * item)))
    reason = max(LEAST_REASON, (max_tokens - fixed) // len(AXES) - items * item)
    return Budget(reason, items, fixed + len(AXES) * (items * item + reason))


@dataclass(frozen=True, slots=True)
class AnswerPlan:
    """What an answer about one clip may contain."""

    vocabulary: Vocabulary
    taxonomy: Sequence[Defect]
    seconds: float
    """The last second that evidence may name."""
    budget: Budget

    def list_steps(self) -> Steps[None]:
        """Yield the decisions of a whole answer, fixed tokens included."""
        yield from self._fix(THINK_OPEN)
        for axis in AXES:
            yield from self._fix(f"[{axis}]")
            yield from self._write_reason()
            yield from self._write_evidence(axis)
        yield from self._fix(_CLOSING[0])
        for axis in AXES:
            yield from self._fix(LEVEL_PREFIX[axis])
            yield Step(torch.tensor(self.vocabulary.levels))
        yield from self._fix(_CLOSING[1])
        yield Step(torch.tensor([self.vocabulary.turn_end]))

    def _fix(self, text: str) -> Steps[None]:
        for token in self.vocabulary.encode(text):
            yield Step(torch.tensor([token]))

    def _write_reason(self) -> Steps[None]:
        vocabulary = self.vocabulary
        recent = deque([(yield Step(vocabulary.first_of_reason))], maxlen=_LOOP_TOKENS)
        for _ in range(self.budget.reason - 1):
            token = yield Step(vocabulary.in_reason_or_end, vocabulary.ends_reason)
            recent.append(token)
            if token in vocabulary.ends_reason or (len(recent) == _LOOP_TOKENS and len(set(recent)) <= _LOOP_WORDS):
                return

    def _write_evidence(self, axis: Axis) -> Steps[None]:
        ids = [defect.id for defect in self.taxonomy if defect.axis == axis]
        end, more = (self.vocabulary.encode("\n"), False), (self.vocabulary.encode(" ("), True)
        for _ in range(self.budget.items if ids else 0):
            if not (yield from choose([end, more])):
                return
            yield from self._write_item(ids)
        yield from self._fix("\n")

    def _write_item(self, ids: Sequence[str]) -> Steps[None]:
        kinds: list[Option[float | str]] = [(self._encode(name, ")"), "defect") for name in ids]
        kinds += [(self._encode(second, "-"), float(second)) for second in self._list_seconds(0.0)]
        kind = yield from choose([*kinds, (self.vocabulary.encode("@"), "box")])
        if kind == "defect":
            return
        if isinstance(kind, float):
            yield from choose([(self._encode(second, "s"), None) for second in self._list_seconds(kind)])
            kind = yield from choose([(self.vocabulary.encode(" @"), "box"), (self.vocabulary.encode(":"), "defect")])
        if kind == "box":
            yield from self._write_box()
        yield from choose([(self._encode(f" {name}", ")"), None) for name in ids])

    def _write_box(self) -> Steps[None]:
        left = yield from self._choose_number(0, 99, ",")
        top = yield from self._choose_number(0, 99, ",")
        yield from self._choose_number(1, 100 - left, ",")
        yield from self._choose_number(1, 100 - top, ":")

    def _choose_number(self, least: int, most: int, sign: str) -> Steps[int]:
        return (yield from choose([(self._encode(str(number), sign), number) for number in range(least, most + 1)]))

    def _list_seconds(self, least: float) -> list[str]:
        """List the tenths of seconds from `least` to the end of the clip, as the grammar writes them."""
        first, last = round(least * _TENTHS), int(self.seconds * _TENTHS)
        return [f"{tenth / _TENTHS:g}" for tenth in range(first, max(first, last) + 1)]

    def _encode(self, text: str, sign: str) -> tuple[int, ...]:
        return self.vocabulary.encode(text) + self.vocabulary.encode(sign)


def choose(options: Sequence[Option[T]]) -> Steps[T]:
    """Let the model choose one of several sequences of tokens, token by token; returns what it means."""
    left, position = list(options), 0
    while True:
        token = yield Step(torch.tensor(sorted({tokens[position] for tokens, _ in left})))
        position += 1
        left = [option for option in left if option[0][position - 1] == token]
        for tokens, meaning in left:
            if len(tokens) == position:
                return meaning
