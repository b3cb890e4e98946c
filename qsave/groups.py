"""Prompt groups: prompts that are equal or nearly equal, which must never be in two splits.

Two prompts are near if the weighted Jaccard similarity of their token sets is at least THRESHOLD. A token weighs more
if fewer prompts have it: the words of a style suffix that all prompts share weigh almost nothing. Exact prefix
filtering finds the candidates, so no near pair is missed. ADR 0011 has the measurements.
"""

import hashlib
import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from random import Random
from types import MappingProxyType
from typing import Generic, TypeVar

from qsave.words import fold, split_tokens, unify

THRESHOLD = 0.8
SPLIT_SHARES: Mapping[str, float] = MappingProxyType({"train": 0.8, "val": 0.1, "test": 0.1})
SMALL_CORPUS = 8
"""Prompts. With more, counts separate common words from rare ones; with fewer, all words weigh nearly alike."""

_TOLERANCE = 1e-9  # of rounding: a similarity of exactly THRESHOLD is near
Ranks = tuple[int, ...]
Group = TypeVar("Group", bound=Hashable)


def normalise(prompt: str) -> str:
    """Return the form in which prompts are compared: the words, or the signs of a prompt without words."""
    return fold(prompt) or " ".join(unify(prompt).split())


class Vocabulary:
    """The tokens of a corpus, numbered from the rarest, with a weight in (0, 1] for each.

    A token's weight is its inverse document frequency as a share of the largest possible one. It is blended with 1 in a
    small corpus, where a word in every prompt may be the subject and not a template.
    """

    def __init__(self, prompts: Iterable[str]) -> None:
        counts: Counter[str] = Counter()
        size = 0
        for tokens in _drop_duplicates(map(_split_prompt, prompts)):
            counts.update(tokens)
            size += 1
        by_rarity = sorted(counts, key=lambda token: (counts[token], token))
        self._rank = {token: rank for rank, token in enumerate(by_rarity)}
        self._weights = array("d", (_weigh(counts[token], size) for token in by_rarity))

    def encode(self, prompt: str) -> Ranks:
        """Return the numbers of the prompt's tokens, the rarest first. Raises KeyError for an unknown token."""
        return tuple(sorted(self._rank[token] for token in _split_prompt(prompt)))

    def weigh(self, ranks: Iterable[int]) -> float:
        return sum(self._weights[rank] for rank in ranks)

    def find_prefix(self, ranks: Ranks) -> Ranks:
        """Return the rarest tokens that two near prompts cannot both lack.

        Near prompts share at least THRESHOLD of the weight of each. So in each prompt the tokens rarer than the rarest
        common token weigh at most 1 - THRESHOLD of the prompt, and that common token is in the prefix of both.
        """
        spare = (1 - THRESHOLD + _TOLERANCE) * self.weigh(ranks)
        weight = 0.0
        for length, rank in enumerate(ranks, start=1):
            weight += self._weights[rank]
            if weight > spare:
                return ranks[:length]
        return ranks

    def compute_similarity(self, one: str, other: str) -> float:
        """Return the weighted Jaccard similarity of two prompts of the corpus, in [0, 1]."""
        left, right = set(self.encode(one)), set(self.encode(other))
        return self.weigh(sorted(left & right)) / self.weigh(sorted(left | right))


class NearIndex:
    """Finds the added prompts that are near another one, without comparing it with all of them."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._members: list[Ranks] = []
        self._weights = array("d")
        self._numbers_of: defaultdict[int, array[int]] = defaultdict(lambda: array("I"))

    def add(self, ranks: Ranks) -> None:
        """Add an encoded prompt; its number is the count of those before it."""
        for rank in self._vocabulary.find_prefix(ranks):
            self._numbers_of[rank].append(len(self._members))
        self._members.append(ranks)
        self._weights.append(self._vocabulary.weigh(ranks))

    def find_near(
        self, ranks: Ranks, skip: Callable[[int], bool] = lambda number: False
    ) -> Iterator[tuple[int, float]]:
        """Yield number and similarity of each near prompt, except those that `skip` leaves out."""
        own, weight = frozenset(ranks), self._vocabulary.weigh(ranks)
        prefix = self._vocabulary.find_prefix(ranks)
        for number in {number for rank in prefix for number in self._numbers_of.get(rank, ())}:
            if skip(number):
                continue
            shared = self._vocabulary.weigh(rank for rank in self._members[number] if rank in own)
            nearness = shared / (weight + self._weights[number] - shared)
            if nearness >= THRESHOLD - _TOLERANCE:
                yield number, min(nearness, 1.0)


@dataclass(frozen=True, slots=True)
class Cluster(Generic[Group]):
    """New prompts that are near one another, directly or through others of them.

    `members` are positions in the list of new prompts. `near` are the existing groups that hold a prompt near any
    member, the nearest first. Without one the cluster is a new group; for several see `bridges_splits`.
    """

    members: tuple[int, ...]
    near: tuple[Group, ...]


def cluster_prompts(new: Sequence[str], known: Iterable[tuple[str, Group]]) -> list[Cluster[Group]]:
    """Join near prompts, in the order of their first members.

    `known` yields all prompts that already have a group; it is iterated twice and never stored in memory.
    """
    vocabulary = Vocabulary(chain(new, (prompt for prompt, _ in known)))
    sets, index = _DisjointSets(len(new)), NearIndex(vocabulary)
    for number, prompt in enumerate(new):
        ranks = vocabulary.encode(prompt)
        for other, _ in index.find_near(ranks, skip=partial(sets.are_joined, number)):
            sets.join(number, other)
        index.add(ranks)
    near: defaultdict[int, dict[Group, float]] = defaultdict(dict)
    for prompt, group in known:
        for number, nearness in index.find_near(vocabulary.encode(prompt)):
            groups = near[sets.find(number)]
            groups[group] = max(nearness, groups.get(group, 0.0))
    members: defaultdict[int, list[int]] = defaultdict(list)
    for number in range(len(new)):
        members[sets.find(number)].append(number)
    return [Cluster(tuple(numbers), _sort_by_nearness(near.get(root, {}))) for root, numbers in members.items()]


def bridges_splits(near: Iterable[Group], split_of: Mapping[Group, str]) -> bool:
    """Return whether groups are in different splits. Releases leave out the clips near such groups, and list them."""
    return len({split_of[group] for group in near}) > 1


def choose_split(
    prompt: str,
    *,
    taken: Mapping[str, int],
    taken_by_generator: Mapping[str, int],
    seed: int,
    shares: Mapping[str, float] = SPLIT_SHARES,
) -> str:
    """Draw the split of a new group, once.

    `taken` counts the groups that each split has, `taken_by_generator` those among them whose first clip is by the same
    generator. Only a split that lacks groups overall is drawn, so each stays within one group of its share; among those
    the chances follow what the generator's groups lack. The same arguments give the same split.
    """
    if sum(shares.values()) <= 0 or min(shares.values()) < 0:
        raise ValueError(f"shares are positive weights of splits, got {dict(shares)}")
    lacking = _count_lacking(taken, shares)
    by_generator = _count_lacking(taken_by_generator, shares)
    both = {split: by_generator[split] if lacking[split] else 0.0 for split in shares}
    chances = both if any(both.values()) else lacking
    digest = hashlib.sha256(f"{seed}\n{normalise(prompt)}".encode()).digest()
    return Random(digest).choices(list(chances), weights=list(chances.values()))[0]


def _count_lacking(taken: Mapping[str, int], shares: Mapping[str, float]) -> dict[str, float]:
    """Return how many groups each split lacks of its share after one more group."""
    groups = sum(taken.get(split, 0) for split in shares) + 1
    total = sum(shares.values())
    return {split: max(0.0, share / total * groups - taken.get(split, 0)) for split, share in shares.items()}


def _split_prompt(prompt: str) -> frozenset[str]:
    return split_tokens(prompt) or frozenset([normalise(prompt)])


def _drop_duplicates(sets: Iterable[frozenset[str]]) -> Iterator[frozenset[str]]:
    seen: set[bytes] = set()
    for tokens in sets:
        digest = hashlib.blake2b("\n".join(sorted(tokens)).encode(), digest_size=16).digest()
        if digest not in seen:
            seen.add(digest)
            yield tokens


def _weigh(count: int, size: int) -> float:
    """Return the weight of a token that `count` of `size` prompts have."""
    trust = size**2 / (size**2 + SMALL_CORPUS**2)
    rarity = math.log((size + 1) / (count + 0.5)) / math.log((size + 1) / 1.5)
    return 1 - trust + trust * rarity


def _sort_by_nearness(groups: Mapping[Group, float]) -> tuple[Group, ...]:
    return tuple(sorted(groups, key=lambda group: -groups[group]))


class _DisjointSets:
    """Disjoint sets of numbers; the least member identifies a set."""

    def __init__(self, count: int) -> None:
        self._parents = array("I", range(count))

    def find(self, number: int) -> int:
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number

    def are_joined(self, one: int, other: int) -> bool:
        return self.find(one) == self.find(other)

    def join(self, one: int, other: int) -> None:
        least, most = sorted((self.find(one), self.find(other)))
        self._parents[most] = least
