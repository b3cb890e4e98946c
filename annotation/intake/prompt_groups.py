"""Assign each prompt of a manifest to a group, and each new group to a split, before a clip of the manifest is stored.

A prompt keeps its group permanently, also if its clips are refused, so an import that is interrupted, or corrected and
repeated, gives the same result as a single one. A `prompt_group` in the manifest wins over similarity; the same name
is the same group on the whole site. Other prompts of the manifest are clustered first, then compared with the stored
ones.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from django.db import connection, transaction
from django.db.models import Count, Max

from annotation.intake.manifests import Row
from annotation.models import GroupedPrompt, PromptGroup
from qsave.groups import Cluster, bridges_splits, choose_split, cluster_prompts, normalise

REPRESENTATIVE_LENGTH = 1500
LOCK = 0x51534156  # key of the advisory lock that serialises the grouping of prompts and the storing of clips
BATCH_SIZE = 1000
LOOKUP_SIZE = 500  # values in one query: SQLite has a limit
ATTEMPTS = 3

Value = TypeVar("Value")
Key = int | str
"""The primary key of a stored group, or the name of a group that this manifest creates."""


def group_prompts(rows: Sequence[Row], *, seed: int) -> None:
    """Store a group for every prompt of `rows` that has none, all in one transaction.

    The comparison runs outside the lock. If another import stored prompts meanwhile, it is repeated; the last attempt
    runs inside the lock.
    """
    for _ in range(ATTEMPTS):
        newest = _find_newest_prompt()
        plan = _make_plan(rows, newest)
        if plan.is_empty:
            return
        with transaction.atomic():
            lock_clips()
            if _find_newest_prompt() == newest:
                _Writer(seed).write(plan)
                return
    with transaction.atomic():
        lock_clips()
        _Writer(seed).write(_make_plan(rows, _find_newest_prompt()))


def find_group(row: Row) -> tuple[PromptGroup, bool]:
    """Return the group that `group_prompts` stored for a row, and whether the row bridges two splits."""
    prompts = GroupedPrompt.objects.select_related("group").filter(digest=_hash_prompt(row.prompt))
    if row.prompt_group:
        prompt = prompts.get(is_named=True, group__name=row.prompt_group)
    else:
        prompt = prompts.get(is_named=False)
    return prompt.group, prompt.bridges_splits


def lock_clips() -> None:
    """Block others from grouping prompts and storing clips until the transaction ends. SQLite does so by itself."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


@dataclass(slots=True)
class _Plan:
    """Rows whose prompts have no group yet: one for each name and prompt, and one for each prompt without a name."""

    named: dict[tuple[str, str], Row] = field(default_factory=dict)
    unnamed: list[Row] = field(default_factory=list)
    clusters: list[Cluster[Key]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.named and not self.unnamed


@dataclass(frozen=True, slots=True)
class _KnownPrompts:
    """Every prompt with its group, read again at each iteration: the stored ones, then those that the manifest names.

    Prompts that another import stores between two iterations are left out: primary keys grow under the lock.
    """

    newest: int
    named: Sequence[Row]

    def __iter__(self) -> Iterator[tuple[str, Key]]:
        stored = GroupedPrompt.objects.filter(pk__lte=self.newest).order_by("pk")
        yield from stored.values_list("text", "group").iterator(chunk_size=BATCH_SIZE)
        pk_of = _find_pks_by_name(row.prompt_group for row in self.named)
        for row in self.named:
            yield row.prompt, pk_of.get(row.prompt_group, row.prompt_group)


def _make_plan(rows: Sequence[Row], newest: int) -> _Plan:
    plan = _Plan()
    unnamed: dict[str, Row] = {}
    for row in rows:
        if row.prompt_group:
            plan.named.setdefault((row.prompt_group, _hash_prompt(row.prompt)), row)
        else:
            unnamed.setdefault(_hash_prompt(row.prompt), row)
    stored = GroupedPrompt.objects.values_list("digest", "is_named", "group__name")
    for digests in _split_into_chunks([*unnamed, *(digest for _, digest in plan.named)]):
        for digest, is_named, name in stored.filter(digest__in=digests):
            if is_named:
                plan.named.pop((str(name), digest), None)
            else:
                unnamed.pop(digest, None)
    plan.unnamed = list(unnamed.values())
    if plan.unnamed:
        known_prompts = _KnownPrompts(newest, list(plan.named.values()))
        plan.clusters = cluster_prompts([row.prompt for row in plan.unnamed], known_prompts)
    return plan


class _Writer:
    """Creates the new groups of a plan, draws their splits and stores the prompts."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._counts: Counter[str] = Counter()
        self._counts_by_generator: defaultdict[str, Counter[str]] = defaultdict(Counter)
        counts = PromptGroup.objects.values_list("generator", "split").annotate(groups=Count("pk"))
        for generator, split, groups in counts.order_by("generator", "split"):
            self._count(generator, split, groups)

    def write(self, plan: _Plan) -> None:
        named = self._create_named(plan.named.values())
        prompts = [_build_prompt(row, named[row.prompt_group], is_named=True) for row in plan.named.values()]
        groups = _load_groups(plan.clusters) | dict[Key, PromptGroup](named)
        split_of = {key: group.split for key, group in groups.items()}
        separate = [cluster for cluster in plan.clusters if not cluster.near]
        new_groups = _store_groups([self._make_group(plan.unnamed[cluster.members[0]]) for cluster in separate])
        for group, cluster in zip(new_groups, separate, strict=True):
            prompts += [_build_prompt(plan.unnamed[number], group) for number in cluster.members]
        for cluster in plan.clusters:
            if cluster.near:
                group, bridges = groups[cluster.near[0]], bridges_splits(cluster.near, split_of)
                prompts += [_build_prompt(plan.unnamed[number], group, bridges=bridges) for number in cluster.members]
        GroupedPrompt.objects.bulk_create(prompts, batch_size=BATCH_SIZE)

    def _create_named(self, rows: Iterable[Row]) -> dict[str, PromptGroup]:
        """Return the group of each name, created if new."""
        first: dict[str, Row] = {}
        for row in rows:
            first.setdefault(row.prompt_group, row)
        groups: dict[str, PromptGroup] = {}
        for names in _split_into_chunks(list(first)):
            groups |= {str(group.name): group for group in PromptGroup.objects.filter(name__in=names)}
        new = [self._make_group(row, name=name) for name, row in first.items() if name not in groups]
        PromptGroup.objects.bulk_create(new, batch_size=BATCH_SIZE)
        return groups | {str(group.name): group for group in new}

    def _make_group(self, row: Row, *, name: str | None = None) -> PromptGroup:
        split = choose_split(
            name or row.prompt,
            taken=self._counts,
            taken_by_generator=self._counts_by_generator[row.generator],
            seed=self._seed,
        )
        self._count(row.generator, split, 1)
        # a normalised prompt with words has no colon, so a name cannot equal a prompt
        representative = _make_representative(row.prompt) if name is None else f"prompt_group: {name}"
        return PromptGroup(representative=representative, name=name, split=split, generator=row.generator)

    def _count(self, generator: str, split: str, groups: int) -> None:
        self._counts[split] += groups
        self._counts_by_generator[generator][split] += groups


def _load_groups(clusters: Iterable[Cluster[Key]]) -> dict[Key, PromptGroup]:
    keys = sorted({key for cluster in clusters for key in cluster.near if isinstance(key, int)})
    return {group.pk: group for chunk in _split_into_chunks(keys) for group in PromptGroup.objects.filter(pk__in=chunk)}


def _store_groups(groups: Sequence[PromptGroup]) -> list[PromptGroup]:
    """Store new groups; if a group with the same representative exists without prompts, return that one."""
    existing: dict[str, PromptGroup] = {}
    for representatives in _split_into_chunks([group.representative for group in groups]):
        existing |= {
            group.representative: group for group in PromptGroup.objects.filter(representative__in=representatives)
        }
    PromptGroup.objects.bulk_create(
        [group for group in groups if group.representative not in existing], batch_size=BATCH_SIZE
    )
    return [existing.get(group.representative, group) for group in groups]


def _build_prompt(row: Row, group: PromptGroup, *, is_named: bool = False, bridges: bool = False) -> GroupedPrompt:
    return GroupedPrompt(
        group=group, text=row.prompt, digest=_hash_prompt(row.prompt), is_named=is_named, bridges_splits=bridges
    )


def _find_newest_prompt() -> int:
    newest: int | None = GroupedPrompt.objects.aggregate(newest=Max("pk"))["newest"]
    return newest or 0


def _find_pks_by_name(names: Iterable[str]) -> dict[str, int]:
    pks: dict[str, int] = {}
    for chunk in _split_into_chunks(sorted(set(names))):
        pks |= {str(name): pk for name, pk in PromptGroup.objects.filter(name__in=chunk).values_list("name", "pk")}
    return pks


def _split_into_chunks(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    for start in range(0, len(values), LOOKUP_SIZE):
        yield values[start : start + LOOKUP_SIZE]


def _hash_prompt(prompt: str) -> str:
    return hashlib.sha256(normalise(prompt).encode()).hexdigest()


def _make_representative(prompt: str) -> str:
    """Return the normalised prompt; a very long one ends in its hash, because an index entry has a maximum size."""
    text = normalise(prompt)
    if len(text.encode()) <= REPRESENTATIVE_LENGTH:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    return text.encode()[: REPRESENTATIVE_LENGTH - len(digest)].decode(errors="ignore") + digest
