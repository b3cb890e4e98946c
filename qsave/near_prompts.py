"""Find near prompts: exact prefix filtering over weighted token lists, in numpy.

Two prompts are near if the weighted Jaccard similarity of their token sets is at least THRESHOLD. A token weighs more
if fewer prompts have it. Near prompts share at least THRESHOLD of the weight of each, so the rarest token that they
share is among the rarest tokens of both that hold 1 - THRESHOLD of the weight (the prefix). Only prompts that share a
token of their prefixes are compared, so no near pair is missed. ADR 0011 and 0017 have the measurements.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

THRESHOLD = 0.8
TOLERANCE = 1e-9
"""Of rounding: a similarity of exactly THRESHOLD is near."""
SMALL_CORPUS = 8
"""Prompts. With more, counts separate common words from rare ones; with fewer, all words weigh nearly alike."""
MAX_PAIRS = 200_000
"""Pairs that are compared at once; it bounds the memory."""
MAX_TOKENS = 400_000
TOKEN_BYTES = 4

Integers: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TokenLists:
    """The token sets of prompts: the numbers of list i are `numbers[offsets[i]:offsets[i + 1]]`."""

    numbers: Integers
    offsets: Integers

    @classmethod
    def pack(cls, lists: Sequence[Sequence[int]]) -> "TokenLists":
        offsets = np.concatenate(([0], np.cumsum([len(one) for one in lists], dtype=np.int64)))
        return cls(np.fromiter(chain.from_iterable(lists), np.int64, int(offsets[-1])), offsets.astype(np.int64))

    @classmethod
    def unpack(cls, blobs: Sequence[bytes]) -> "TokenLists":
        """Read lists that `pack_tokens` wrote."""
        offsets = np.concatenate(([0], np.cumsum([len(blob) // TOKEN_BYTES for blob in blobs], dtype=np.int64)))
        return cls(np.frombuffer(b"".join(blobs), "<u4").astype(np.int64), offsets.astype(np.int64))


def pack_tokens(numbers: Sequence[int]) -> bytes:
    """Return the numbers of tokens as bytes, TOKEN_BYTES for each, the lowest first."""
    return np.array(numbers, "<u4").tobytes()


class Rarity:
    """The weights of tokens, and their order from the rarest.

    A token's weight is its inverse document frequency as a share of the largest possible one, in (0, 1]. It is blended
    with 1 in a small corpus, where a word in every prompt may be the subject and not a template.
    """

    def __init__(self, counts: Integers, size: int) -> None:
        """Take the number of prompts that have each token, by the token's number, and the number of prompts."""
        trust = size**2 / (size**2 + SMALL_CORPUS**2)
        rarity = np.log((size + 1) / (counts + 0.5)) / np.log((size + 1) / 1.5)
        self.weights: Floats = 1 - trust + trust * rarity
        self.ranks: Integers = np.empty(len(counts), np.int64)
        self.ranks[np.argsort(counts, kind="stable")] = np.arange(len(counts))

    def rank(self, lists: TokenLists) -> "RankedLists":
        """Sort each list from its rarest token and add up its weights."""
        rows = np.repeat(np.arange(len(lists.offsets) - 1), np.diff(lists.offsets))
        keys = rows * len(self.ranks) + self.ranks[lists.numbers]
        order = np.argsort(keys)
        sums = np.concatenate(([0.0], np.cumsum(self.weights[lists.numbers][order])))
        ends = sums[lists.offsets[1:]]
        return RankedLists(
            keys=keys[order],
            rows=rows,
            ranks=keys[order] - rows * len(self.ranks),
            offsets=lists.offsets,
            weights=np.diff(sums),
            rest=ends[rows] - sums[:-1],
            totals=ends - sums[lists.offsets[:-1]],
        )


@dataclass(frozen=True, slots=True)
class RankedLists:
    """Token lists, each from its rarest token. `rest` is the weight of a token and of those after it in its list."""

    keys: Integers
    """row * number of tokens + rank, ascending."""
    rows: Integers
    ranks: Integers
    offsets: Integers
    weights: Floats
    rest: Floats
    totals: Floats

    def find_prefixes(self) -> Integers:
        """Return the positions of the rarest tokens that two near prompts cannot both lack."""
        totals = self.totals[self.rows]
        return np.flatnonzero(totals - self.rest <= (1 - THRESHOLD + TOLERANCE) * totals)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Near pairs: a row of the lists that were compared, a number of the index, and their similarity in [0, 1]."""

    rows: Integers
    numbers: Integers
    similarities: Floats


class NearIndex:
    """Ranked prompts, found by the tokens of their prefixes."""

    def __init__(self, lists: RankedLists) -> None:
        self._lists = lists
        positions = lists.find_prefixes()
        positions = positions[np.argsort(lists.ranks[positions], kind="stable")]
        self._positions = positions
        self._ranks = lists.ranks[positions]

    def find_candidates(self, others: RankedLists) -> Iterator[tuple[Integers, Integers]]:
        """Yield rows of `others` and numbers of the index that may be near, in bounded parts, each pair at least once.

        If the rarest token that a pair shares is at some position of each list, the pair shares at most the weight
        that follows there. A pair that would need more to be near is left out.
        """
        entries = others.find_prefixes()
        first = np.searchsorted(self._ranks, others.ranks[entries], "left")
        counts = np.searchsorted(self._ranks, others.ranks[entries], "right") - first
        entries, first, counts = entries[counts > 0], first[counts > 0], counts[counts > 0]
        for part in _split_by_sum(counts, MAX_PAIRS):
            mine = self._positions[_expand(first[part], counts[part])]
            theirs = np.repeat(entries[part], counts[part])
            rows, numbers = others.rows[theirs], self._lists.rows[mine]
            most = np.minimum(others.rest[theirs], self._lists.rest[mine])
            least = (others.totals[rows] + self._lists.totals[numbers]) * (THRESHOLD / (1 + THRESHOLD) - TOLERANCE)
            may_be_near = most >= least
            yield rows[may_be_near], numbers[may_be_near]

    def select_near(self, others: RankedLists, rows: Integers, numbers: Integers) -> Pairs:
        """Compare pairs and return the near ones."""
        counts = np.diff(self._lists.offsets)[numbers]
        similarities = np.zeros(len(rows))
        for part in _split_by_sum(counts, MAX_TOKENS):
            similarities[part] = self._compare(others, rows[part], numbers[part])
        near = similarities >= THRESHOLD - TOLERANCE
        return Pairs(rows[near], numbers[near], np.minimum(similarities[near], 1.0))

    def _compare(self, others: RankedLists, rows: Integers, numbers: Integers) -> Floats:
        first = self._lists.offsets[numbers]
        counts = self._lists.offsets[numbers + 1] - first
        positions = _expand(first, counts)
        base = others.keys[others.offsets[rows]] - others.ranks[others.offsets[rows]]  # row * number of tokens
        keys = np.repeat(base, counts) + self._lists.ranks[positions]
        slots = np.minimum(np.searchsorted(others.keys, keys), len(others.keys) - 1)
        weights = np.where(others.keys[slots] == keys, self._lists.weights[positions], 0.0)
        shared = np.bincount(np.repeat(np.arange(len(rows)), counts), weights, len(rows))
        similarities: Floats = shared / (others.totals[rows] + self._lists.totals[numbers] - shared)
        return similarities


def _expand(first: Integers, counts: Integers) -> Integers:
    """Return first, first + 1, ... of each range, one range after the other."""
    ends = np.cumsum(counts)
    return np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(first - ends + counts, counts)


def _split_by_sum(counts: Integers, most: int) -> Iterator[slice]:
    """Split positions into runs whose counts add up to at most `most`; a larger count is a run by itself."""
    ends, start = np.cumsum(counts), 0
    while start < len(counts):
        done = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + most, "right")))
        yield slice(start, stop)
        start = stop
