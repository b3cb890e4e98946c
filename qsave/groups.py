"""Prompt groups: prompts that are equal or nearly equal, which must never be in two splits.

A token weighs more if fewer prompts have it: the words of a style suffix that all prompts share weigh almost nothing.
`qsave.near_prompts` finds the near pairs. ADR 0011 has the measurements.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from types import MappingProxyType
from typing import Generic, TypeVar

import numpy as np

from qsave.near_prompts import Integers, NearIndex, Pairs, RankedLists, Rarity, TokenLists
from qsave.words import fold, split_tokens, unify

SPLIT_SHARES: Mapping[str, float] = MappingProxyType({"train": 0.8, "val": 0.1, "test": 0.1})
CHUNK_SIZE = 5000
"""Known prompts that are compared at once."""

Group = TypeVar("Group", bound=Hashable)
Key = TypeVar("Key", bound=Hashable)


def normalise(prompt: str) -> str:
    """Return the form in which prompts are compared: the words, or the signs of a prompt without words."""
    return fold(prompt) or " ".join(unify(prompt).split())


def split_prompt(prompt: str) -> frozenset[str]:
    """Return the tokens by which a prompt is compared: its words, or the whole of a prompt without words."""
    return split_tokens(prompt) or frozenset([normalise(prompt)])


def hash_tokens(tokens: Iterable[str]) -> str:
    """Return the digest of a token set, in hexadecimal digits."""
    return hashlib.blake2b("\n".join(sorted(tokens)).encode(), digest_size=16).hexdigest()


class Vocabulary:
    """The tokens of a corpus of prompts, numbered. A token set counts once, however many prompts have it."""

    def __init__(self, prompts: Iterable[str]) -> None:
        self._numbers: dict[str, int] = {}
        counts: Counter[int] = Counter()
        seen: set[str] = set()
        for tokens in map(split_prompt, prompts):
            numbers = [self._numbers.setdefault(token, len(self._numbers)) for token in sorted(tokens)]
            digest = hash_tokens(tokens)
            counts.update(numbers if digest not in seen else [])
            seen.add(digest)
        by_number = np.array([counts[number] for number in range(len(self._numbers))], np.int64)
        self.rarity = Rarity(by_number, len(seen))

    def encode(self, prompt: str) -> list[int]:
        """Return the numbers of the prompt's tokens. Raises KeyError for an unknown token."""
        return sorted(self._numbers[token] for token in split_prompt(prompt))

    def weigh(self, token: str) -> float:
        return float(self.rarity.weights[self._numbers[token]])

    def compute_similarity(self, one: str, other: str) -> float:
        """Return the weighted Jaccard similarity of two prompts of the corpus, in [0, 1]."""
        left, right = split_prompt(one), split_prompt(other)
        return sum(map(self.weigh, sorted(left & right))) / sum(map(self.weigh, sorted(left | right)))


@dataclass(frozen=True, slots=True)
class Cluster(Generic[Group]):
    """New prompts that are near one another, directly or through others of them.

    `members` are positions in the list of new prompts. `near` are the existing groups that hold a prompt near any
    member, the nearest first. Without one the cluster is a new group; for several see `bridges_splits`.
    """

    members: tuple[int, ...]
    near: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class NearKnown(Generic[Key]):
    """A known prompt, by its key, that is near the new prompt at a position of their list."""

    position: int
    key: Key
    similarity: float


def cluster_prompts(new: Sequence[str], known: Sequence[tuple[str, Group]]) -> list[Cluster[Group]]:
    """Join near prompts, in the order of their first members. `known` are all prompts that already have a group."""
    vocabulary = Vocabulary([*new, *(prompt for prompt, _ in known)])
    index = NearIndex(lists := vocabulary.rarity.rank(TokenLists.pack([vocabulary.encode(prompt) for prompt in new])))
    near: list[NearKnown[Group]] = []
    for chunk in split_into_chunks(known, CHUNK_SIZE):
        encoded = vocabulary.rarity.rank(TokenLists.pack([vocabulary.encode(prompt) for prompt, _ in chunk]))
        near += find_near_known(index, encoded, [group for _, group in chunk])
    return make_clusters(join_near(index, lists), near)


def join_near(index: NearIndex, lists: RankedLists) -> list[int]:
    """Join the near prompts of an index, directly or through others; return for each the first one of its cluster."""
    sets = _DisjointSets(len(lists.totals))
    for rows, numbers in index.find_candidates(lists):
        earlier = numbers < rows
        rows, numbers = rows[earlier], numbers[earlier]
        roots = sets.find_roots()
        _, firsts = np.unique(rows * len(roots) + roots[numbers], return_index=True)  # one prompt of each cluster first
        sets.join(_select_unjoined(index, lists, sets, rows[firsts], numbers[firsts]))
        sets.join(_select_unjoined(index, lists, sets, rows, numbers))
    roots = sets.find_roots()
    return [int(root) for root in roots]


def _select_unjoined(
    index: NearIndex, lists: RankedLists, sets: "_DisjointSets", rows: Integers, numbers: Integers
) -> Pairs:
    roots = sets.find_roots()
    apart = roots[rows] != roots[numbers]
    return index.select_near(lists, rows[apart], numbers[apart])


def find_near_known(index: NearIndex, lists: RankedLists, keys: Sequence[Key]) -> Iterator[NearKnown[Key]]:
    """Yield the known prompts, ranked in `lists`, that are near a new prompt of the index, once for each of these."""
    for rows, numbers in index.find_candidates(lists):
        distinct = np.unique(np.stack((rows, numbers)), axis=1)
        pairs = index.select_near(lists, distinct[0], distinct[1])
        for row, number, similarity in zip(pairs.rows, pairs.numbers, pairs.similarities, strict=True):
            yield NearKnown(int(number), keys[row], float(similarity))


def make_clusters(first_of: Sequence[int], near: Iterable[NearKnown[Group]]) -> list[Cluster[Group]]:
    """Return the clusters, in the order of their first members, from the result of `join_near`."""
    similarities: defaultdict[int, dict[Group, float]] = defaultdict(dict)
    for match in near:
        groups = similarities[first_of[match.position]]
        groups[match.key] = max(match.similarity, groups.get(match.key, 0.0))
    members: defaultdict[int, list[int]] = defaultdict(list)
    for position, first in enumerate(first_of):
        members[first].append(position)
    return [
        Cluster(tuple(positions), _sort_by_nearness(similarities.get(first, {})))
        for first, positions in members.items()
    ]


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


def split_into_chunks(values: Iterable[Group], size: int) -> Iterator[list[Group]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _sort_by_nearness(groups: Mapping[Group, float]) -> tuple[Group, ...]:
    return tuple(sorted(groups, key=lambda group: -groups[group]))


class _DisjointSets:
    """Disjoint sets of numbers; the least member identifies a set."""

    def __init__(self, count: int) -> None:
        self._parents = np.arange(count)

    def find_roots(self) -> Integers:
        """Return the least member of each number's set."""
        parents = self._parents
        while (parents[parents] != parents).any():
            parents = parents[parents]
        self._parents = parents
        return parents

    def join(self, pairs: Pairs) -> None:
        for row, number in zip(pairs.rows, pairs.numbers, strict=True):
            least, most = sorted((self._find(int(row)), self._find(int(number))))
            self._parents[most] = least

    def _find(self, number: int) -> int:
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = int(self._parents[number])
        return number
