"""Keep the index of prompts up to date, and find the stored prompts that are near new ones.

The index has every token with the number of prompts that have it, and the tokens of every prompt as numbers. Weights
are computed at each comparison from the current counts, so they are never out of date. A comparison streams the stored
token sets once, four bytes a token. docs/adr/0017 says why.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import F
from numpy.typing import NDArray

from annotation.models import PromptToken, TokenSet
from annotation.models.prompt_index import MAX_WORD_LENGTH
from qsave.groups import CHUNK_SIZE, NearKnown, find_near_known, hash_tokens, split_into_chunks, split_prompt
from qsave.near_prompts import TOKEN_BYTES, NearIndex, RankedLists, Rarity, TokenLists, pack_tokens

LOOKUP_SIZE = 500  # values in one query: SQLite has a limit
BATCH_SIZE = 1000
Tokens = frozenset[str]


@dataclass(frozen=True, slots=True)
class Corpus:
    """The tokens of new prompts, numbered, and the rarity of all tokens, counted over stored and new prompts."""

    numbers: Mapping[str, int]
    rarity: Rarity

    def rank(self, token_sets: Iterable[Tokens]) -> RankedLists:
        return self.rarity.rank(TokenLists.pack([sorted(map(self.numbers.__getitem__, one)) for one in token_sets]))

    def find_near(self, index: NearIndex) -> Iterator[NearKnown[int]]:
        """Yield the primary keys of the stored token sets that are near a prompt of the index."""
        last = len(self.rarity.ranks)
        stored = TokenSet.objects.order_by("pk").values_list("pk", "tokens").iterator(chunk_size=CHUNK_SIZE)
        for rows in split_into_chunks(stored, CHUNK_SIZE):
            # a number that the corpus lacks is of another import at the same time: the comparison will be repeated
            known = {pk: blob for pk, blob in rows if int.from_bytes(blob[-TOKEN_BYTES:], "little") < last}
            lists = TokenLists.unpack([bytes(blob) for blob in known.values()])
            yield from find_near_known(index, self.rarity.rank(lists), list(known))


def read_corpus(token_sets: Sequence[Tokens]) -> Corpus:
    """Return the corpus of the stored prompts and of new ones. New tokens get numbers after the stored ones."""
    numbers = _find_numbers(set().union(*token_sets))
    counts = _read_counts()
    unknown = sorted(set().union(*token_sets) - numbers.keys())
    numbers |= {token: number for number, token in enumerate(unknown, start=len(counts))}
    counts = np.append(counts, np.zeros(len(unknown), np.int64))
    new = _select_new(token_sets)
    for tokens in new.values():
        counts[[numbers[token] for token in tokens]] += 1
    return Corpus(numbers, Rarity(counts, TokenSet.objects.count() + len(new)))


def find_near_sets(token_sets: Collection[int]) -> dict[int, dict[int, float]]:
    """Return for each stored token set, by its key, the similarity of every set that is near it, itself included."""
    corpus = Corpus({}, Rarity(_read_counts(), TokenSet.objects.count()))
    near: dict[int, dict[int, float]] = {pk: {} for pk in token_sets}
    for chunk in split_into_chunks(token_sets, LOOKUP_SIZE):
        stored = dict(TokenSet.objects.filter(pk__in=chunk).values_list("pk", "tokens"))
        index = NearIndex(corpus.rarity.rank(TokenLists.unpack([bytes(tokens) for tokens in stored.values()])))
        pks = list(stored)
        for match in corpus.find_near(index):
            near[pks[match.position]][match.key] = match.similarity
    return near


def _read_counts() -> NDArray[np.int64]:
    """Return the number of token sets that have each token, by the token's number."""
    rows = list(PromptToken.objects.values_list("pk", "prompts").iterator(chunk_size=CHUNK_SIZE))
    counts = np.zeros(max((pk for pk, _ in rows), default=0) + 1, np.int64)
    for pk, prompts in rows:
        counts[pk] = prompts
    return counts


def index_prompts(texts: Sequence[str]) -> list[int]:
    """Store the token sets of prompts, and return the primary key of each. The caller holds the lock of clips."""
    token_sets = [split_prompt(text) for text in texts]
    new = _select_new(token_sets)
    numbers = _count_tokens(Counter(token for tokens in new.values() for token in tokens))
    TokenSet.objects.bulk_create(
        [
            TokenSet(digest=digest, tokens=pack_tokens(sorted(map(numbers.__getitem__, tokens))))
            for digest, tokens in new.items()
        ],
        batch_size=BATCH_SIZE,
    )
    digests = [hash_tokens(tokens) for tokens in token_sets]
    pks = _find_token_sets(set(digests))
    return [pks[digest] for digest in digests]


def name_token(token: str) -> str:
    """Return the word under which a token is stored: itself, or its first letters and its hash."""
    if len(token) <= MAX_WORD_LENGTH // 2:
        return token
    digest = hashlib.blake2b(token.encode(), digest_size=16).hexdigest()
    return f"{token[: MAX_WORD_LENGTH // 4]}#{digest}"


def _select_new(token_sets: Sequence[Tokens]) -> dict[str, Tokens]:
    """Return the distinct token sets that are not stored, by their digests."""
    by_digest = {hash_tokens(tokens): tokens for tokens in token_sets}
    stored = _find_token_sets(by_digest)
    return {digest: tokens for digest, tokens in by_digest.items() if digest not in stored}


def _count_tokens(increments: Counter[str]) -> dict[str, int]:
    """Add to the counts of tokens, and return their numbers."""
    numbers = _find_numbers(increments)
    by_increment: dict[int, list[int]] = {}
    for token, number in numbers.items():
        by_increment.setdefault(increments[token], []).append(number)
    for increment, pks in by_increment.items():
        for chunk in split_into_chunks(pks, LOOKUP_SIZE):
            PromptToken.objects.filter(pk__in=chunk).update(prompts=F("prompts") + increment)
    new = sorted(increments.keys() - numbers.keys())
    rows = [PromptToken(word=name_token(token), prompts=increments[token]) for token in new]
    PromptToken.objects.bulk_create(rows, batch_size=BATCH_SIZE)
    return numbers | {token: row.pk for token, row in zip(new, rows, strict=True)}


def _find_numbers(tokens: Collection[str]) -> dict[str, int]:
    by_word = {name_token(token): token for token in tokens}
    numbers: dict[str, int] = {}
    for words in split_into_chunks(by_word, LOOKUP_SIZE):
        rows = PromptToken.objects.filter(word__in=words).values_list("word", "pk")
        numbers |= {by_word[word]: pk for word, pk in rows}
    return numbers


def _find_token_sets(digests: Collection[str]) -> dict[str, int]:
    pks: dict[str, int] = {}
    for chunk in split_into_chunks(digests, LOOKUP_SIZE):
        pks |= dict(TokenSet.objects.filter(digest__in=chunk).values_list("digest", "pk"))
    return pks
