"""Prompt groups: prompts that are the same or nearly so, which must never stand in two splits.

Two prompts are near when the Jaccard similarity of their token sets is at least THRESHOLD. MinHash LSH proposes
candidates (a pair at the threshold is missed less than once in ten million), the exact similarity decides.
"""

import hashlib
import re
import unicodedata
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Generic, TypeVar

from datasketch import MinHash, MinHashLSH

THRESHOLD = 0.8
SPLIT_SHARES: Mapping[str, float] = MappingProxyType({"train": 0.8, "val": 0.1, "test": 0.1})

_BANDS, _ROWS = 32, 4
# A word; or one sign of the scripts that are written without spaces.
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|[^\W\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")

Group = TypeVar("Group", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Match(Generic[Group]):
    """A group that holds a near prompt, and how near its nearest one is (1 is the same set of words)."""

    group: Group
    similarity: float


def normalise(prompt: str) -> str:
    """The prompt as it is compared: compatibility forms, case, punctuation and spacing levelled.

    A prompt without any word (only signs) stays as it is, but for case and spacing.
    """
    levelled = unicodedata.normalize("NFKC", prompt).casefold()
    return " ".join(_TOKEN.findall(levelled)) or " ".join(levelled.split())


def similarity(one: str, other: str) -> float:
    """Jaccard similarity of the token sets of two prompts, in [0, 1]."""
    return _jaccard(_tokens(normalise(one)), _tokens(normalise(other)))


class PromptGrouper(Generic[Group]):
    """Finds the groups that hold prompts near a new one.

    Feed it every distinct stored prompt with its group, not only the one that opened the group: else a prompt near a
    later member would slip into another split.
    """

    def __init__(self, known: Iterable[tuple[str, Group]] = ()) -> None:
        self._seed = MinHash(num_perm=_BANDS * _ROWS, seed=1)
        self._index = MinHashLSH(num_perm=_BANDS * _ROWS, params=(_BANDS, _ROWS))
        self._members: list[tuple[frozenset[str], set[Group]]] = []
        self._number_of: dict[frozenset[str], int] = {}
        for prompt, group in known:
            self.add(prompt, group)

    def add(self, prompt: str, group: Group) -> None:
        """Records that `group` holds `prompt`."""
        tokens = _tokens(normalise(prompt))
        if tokens not in self._number_of:
            self._number_of[tokens] = len(self._members)
            self._index.insert(len(self._members), self._signature(tokens))
            self._members.append((tokens, set()))
        self._members[self._number_of[tokens]][1].add(group)

    def matches(self, prompt: str) -> tuple[Match[Group], ...]:
        """The groups near `prompt`, nearest first. None: it opens a group. Several: see `bridges_splits`."""
        tokens = _tokens(normalise(prompt))
        best: dict[Group, float] = {}
        for number in self._index.query(self._signature(tokens)):
            member, groups = self._members[number]
            nearness = _jaccard(tokens, member)
            for group in groups if nearness >= THRESHOLD else ():
                best[group] = max(nearness, best.get(group, 0.0))
        ranked = sorted(best.items(), key=lambda pair: (-pair[1], str(pair[0])))
        return tuple(Match(group, nearness) for group, nearness in ranked)

    def _signature(self, tokens: frozenset[str]) -> MinHash:
        signature = self._seed.copy()
        signature.update_batch([token.encode() for token in sorted(tokens)])
        return signature


def bridges_splits(matches: Iterable[Match[Group]], split_of: Mapping[Group, str]) -> bool:
    """Whether a prompt is near groups of different splits: such a clip is left out of releases and listed."""
    return len({split_of[match.group] for match in matches}) > 1


def choose_split(
    prompt: str, *, taken: Mapping[str, int], seed: int, shares: Mapping[str, float] = SPLIT_SHARES
) -> str:
    """The split of a new group, drawn once.

    `taken` counts the groups that each split already holds *for the generator of the group's first clip*, which
    stratifies over generators: splits are drawn with chances equal to what they lack of their share, so each stays
    within one group of it, and none that has its share is drawn. The same arguments give the same split.
    """
    total = sum(shares.values())
    if total <= 0 or min(shares.values()) < 0:
        raise ValueError(f"shares are positive weights of splits, got {dict(shares)}")
    groups = sum(taken.get(split, 0) for split in shares) + 1
    lacking = {split: max(0.0, share / total * groups - taken.get(split, 0)) for split, share in shares.items()}
    digest = hashlib.sha256(f"{seed}\n{normalise(prompt)}".encode()).digest()
    return Random(digest).choices(list(lacking), weights=list(lacking.values()))[0]


def _tokens(normalised: str) -> frozenset[str]:
    return frozenset(normalised.split())


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    if one == other:
        return 1.0
    return len(one & other) / len(one | other)
