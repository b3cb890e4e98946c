"""Which prompt group a new clip belongs to, and the split that a new group draws: given once, stored with the clip."""

import hashlib
from collections import Counter, defaultdict

from django.db import connection

from annotation.models import Clip, PromptGroup
from qsave.groups import PromptGrouper, bridges_splits, choose_split, normalise

REPRESENTATIVE_LENGTH = 1500
LOCK = 0x51534156  # names the advisory lock under which clips are stored one after another


class PromptBook:
    """All stored prompts with their groups, read once and then kept up to date clip by clip.

    `group_for` must run in the transaction that stores the clip: it holds a lock until that ends, so that two imports
    at once cannot open two groups for one prompt, nor put near prompts into different splits. `catch_up` before that
    transaction keeps the lock short.
    """

    def __init__(self, *, seed: int) -> None:
        self._seed = seed
        self._grouper: PromptGrouper[int] = PromptGrouper()
        self._split_of: dict[int, str] = {}
        self._taken: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._newest = 0

    def group_for(self, prompt: str, generator: str) -> tuple[PromptGroup, bool]:
        """The prompt's group, made if it is new, and whether the prompt is near groups of different splits."""
        lock_clips()
        self.catch_up()
        matches = self._grouper.matches(prompt)
        if matches:
            group = PromptGroup.objects.get(pk=matches[0].group)
            return group, bridges_splits(matches, self._split_of)
        split = choose_split(prompt, taken=self._taken[generator], seed=self._seed)
        group, _ = PromptGroup.objects.get_or_create(representative=_representative(prompt), defaults={"split": split})
        return group, False

    def catch_up(self) -> None:
        """Reads the clips stored since the last time."""
        fields = ("pk", "prompt", "generator", "prompt_group", "prompt_group__split")
        fresh = Clip.objects.filter(pk__gt=self._newest).order_by("pk").values_list(*fields)
        for pk, prompt, generator, group, split in fresh.iterator(chunk_size=2000):
            self._newest = pk
            self._grouper.add(prompt, group)
            if group not in self._split_of:
                self._split_of[group] = split
                self._taken[generator][split] += 1


def lock_clips() -> None:
    """Until the transaction ends, nobody else stores clips. SQLite's IMMEDIATE transactions do that by themselves."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _representative(prompt: str) -> str:
    """The normalised prompt; a very long one ends in its hash, as an index entry has bounds."""
    words = normalise(prompt)
    if len(words.encode()) <= REPRESENTATIVE_LENGTH:
        return words
    digest = hashlib.sha256(words.encode()).hexdigest()
    return words.encode()[: REPRESENTATIVE_LENGTH - len(digest)].decode(errors="ignore") + digest
