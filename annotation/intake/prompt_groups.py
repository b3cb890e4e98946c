"""Assign each prompt of a manifest to a group, and each new group to a split, before a clip of the manifest is stored.

A prompt keeps its group permanently, also if its clips are refused, so an import that is interrupted, or corrected and
repeated, gives the same result as a single one. A `prompt_group` in the manifest wins over similarity; the same name
is the same group on the whole site. Other prompts of the manifest are clustered first, then compared with the stored
ones.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.db.models import Max

from annotation.intake.manifests import Row
from annotation.intake.prompt_index import BATCH_SIZE, LOOKUP_SIZE, index_prompts, read_corpus
from annotation.intake.split_draw import SplitDraw
from annotation.models import GroupedPrompt, PromptGroup, Split
from qsave.groups import (
    Cluster,
    NearKnown,
    bridges_splits,
    find_near_known,
    join_near,
    make_clusters,
    normalise,
    split_into_chunks,
    split_prompt,
)
from qsave.near_prompts import NearIndex

REPRESENTATIVE_LENGTH = 1500
LOCK = 0x51534156  # key of the advisory lock that serialises the grouping of prompts and the storing of clips
ATTEMPTS = 3

Key = int | str
"""The primary key of a stored group, or the name of a group that this manifest creates."""
PromptKey = tuple[str, str]
"""The `prompt_group` of a row, or an empty string, and the digest of its prompt."""


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """The groups and splits that rows would get if they were imported now, with the seed of the same campaign.

    The counts by split leave out rows whose prompts bridge two splits; `bridges` counts these prompts.
    """

    prompts: int
    new_prompts: int
    groups: int
    new_groups: int
    bridges: int
    largest: int
    """Rows of the group with the most rows."""
    rows_by_split: Mapping[str, int]
    groups_by_split: Mapping[str, int]


def group_prompts(rows: Sequence[Row], *, seed: int) -> None:
    """Store a group for every prompt of `rows` that has none, all in one transaction.

    The comparison runs outside the lock. If others stored prompts or changed groups meanwhile, it is repeated; the
    last attempt runs inside the lock.
    """
    index_stored_prompts()
    for _ in range(ATTEMPTS):
        state = _read_state()
        plan = _make_plan(rows)
        if plan.is_empty:
            return
        with transaction.atomic():
            lock_clips()
            if _read_state() == state:
                _store_groups(_assign_groups(plan, seed))
                return
    with transaction.atomic():
        lock_clips()
        _store_groups(_assign_groups(_make_plan(rows), seed))


def plan_groups(rows: Sequence[Row], *, seed: int) -> GroupPlan:
    """Return what `group_prompts` would store, without storing it."""
    index_stored_prompts()
    plan = _make_plan(rows)
    assigned = _assign_groups(plan, seed)
    places = plan.stored | {one.key: one.place for one in assigned}
    rows_by_group = Counter(places[key].group for key in plan.keys)
    clear = [places[key] for key in plan.keys if not places[key].bridges]
    return GroupPlan(
        prompts=len(places),
        new_prompts=len(assigned),
        groups=len(rows_by_group),
        new_groups=len({id(one.group) for one in assigned if one.group._state.adding}),
        bridges=sum(place.bridges for place in places.values()),
        largest=max(rows_by_group.values(), default=0),
        rows_by_split=_count_by_split(place.split for place in clear),
        groups_by_split=_count_by_split(split for _, split in {(place.group, place.split) for place in clear}),
    )


def find_group(row: Row) -> tuple[PromptGroup, bool]:
    """Return the group that `group_prompts` stored for a row, and whether the row bridges two splits."""
    prompts = GroupedPrompt.objects.select_related("group").filter(digest=hash_prompt(row.prompt))
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


def index_stored_prompts() -> None:
    """Index the prompts that an earlier version stored, in batches; an interrupted run resumes."""
    missing = GroupedPrompt.objects.filter(token_set=None).order_by("pk")
    while missing.exists():
        with transaction.atomic():
            lock_clips()
            batch = list(missing.only("pk", "text")[:BATCH_SIZE])
            for prompt, pk in zip(batch, index_prompts([prompt.text for prompt in batch]), strict=True):
                prompt.token_set_id = pk
            GroupedPrompt.objects.bulk_update(batch, ["token_set"], batch_size=LOOKUP_SIZE // 2)


def hash_prompt(prompt: str) -> str:
    return hashlib.sha256(normalise(prompt).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Place:
    """The group of a prompt, stored or new, by a key that only this plan knows."""

    group: Key
    split: str
    bridges: bool


@dataclass(slots=True)
class _Plan:
    """The prompts of rows. `named` and `unnamed` have the first row of each prompt that has no group yet."""

    keys: list[PromptKey]
    """One for each row."""
    stored: dict[PromptKey, _Place] = field(default_factory=dict)
    named: dict[PromptKey, Row] = field(default_factory=dict)
    unnamed: dict[PromptKey, Row] = field(default_factory=dict)
    generators: defaultdict[PromptKey, set[str]] = field(default_factory=lambda: defaultdict(set))
    clusters: list[Cluster[Key]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.named and not self.unnamed

    def list_generators(self, keys: Iterable[PromptKey]) -> set[str]:
        """Return the generators of all rows with these prompts."""
        return set().union(*(self.generators[key] for key in keys))


@dataclass(frozen=True, slots=True)
class _Assigned:
    """A new prompt with its group, which may be new itself."""

    key: PromptKey
    row: Row
    group: PromptGroup
    bridges: bool = False

    @property
    def place(self) -> _Place:
        group = self.group
        return _Place(group.representative if group._state.adding else group.pk, group.split, self.bridges)


def _make_plan(rows: Sequence[Row]) -> _Plan:
    digests = {prompt: hash_prompt(prompt) for prompt in dict.fromkeys(row.prompt for row in rows)}
    plan = _Plan(keys=[(row.prompt_group, digests[row.prompt]) for row in rows])
    first: dict[PromptKey, Row] = {}
    for key, row in zip(plan.keys, rows, strict=True):
        first.setdefault(key, row)
        plan.generators[key].add(row.generator)
    plan.stored = {key: place for key, place in _find_places(set(digests.values())).items() if key in first}
    for key, row in first.items():
        if key not in plan.stored:
            (plan.named if row.prompt_group else plan.unnamed)[key] = row
    if plan.unnamed:
        plan.clusters = _cluster(list(plan.unnamed.values()), list(plan.named.values()))
    return plan


def _find_places(digests: Iterable[str]) -> dict[PromptKey, _Place]:
    """Return the places of the stored prompts with these digests."""
    fields = ("digest", "is_named", "group__name", "group_id", "group__split", "bridges_splits")
    places: dict[PromptKey, _Place] = {}
    for chunk in split_into_chunks(digests, LOOKUP_SIZE):
        for digest, is_named, name, *place in GroupedPrompt.objects.filter(digest__in=chunk).values_list(*fields):
            places[name if is_named else "", digest] = _Place(*place)
    return places


def _cluster(unnamed: Sequence[Row], named: Sequence[Row]) -> list[Cluster[Key]]:
    """Join near prompts, and list for each cluster the stored groups, and those that the manifest names, near it."""
    new = [split_prompt(row.prompt) for row in unnamed]
    other = [split_prompt(row.prompt) for row in named]
    corpus = read_corpus([*new, *other])
    lists = corpus.rank(new)
    index = NearIndex(lists)
    near = _replace_by_groups(list(corpus.find_near(index)))
    pk_of = _find_pks_by_name(row.prompt_group for row in named)
    near += find_near_known(index, corpus.rank(other), [pk_of.get(row.prompt_group, row.prompt_group) for row in named])
    return make_clusters(join_near(index, lists), near)


def _replace_by_groups(near: Sequence[NearKnown[int]]) -> list[NearKnown[Key]]:
    """Replace each token set by the groups of the prompts that have it."""
    groups_of: defaultdict[int, list[int]] = defaultdict(list)
    for chunk in split_into_chunks({match.key for match in near}, LOOKUP_SIZE):
        for token_set, group in GroupedPrompt.objects.filter(token_set__in=chunk).values_list("token_set", "group"):
            groups_of[token_set].append(group)
    return [
        NearKnown(match.position, group, match.similarity) for match in near for group in sorted(groups_of[match.key])
    ]


def _assign_groups(plan: _Plan, seed: int) -> list[_Assigned]:
    """Return a group for each new prompt. New groups have their split, and are not stored yet."""
    draw = SplitDraw(seed)
    named = _find_named_groups(plan.named.values())
    for name, keys in _list_keys_by_name(plan).items():
        if name not in named:
            # a normalised prompt with words has no colon, so a name cannot equal a prompt
            named[name] = draw.make_group(
                plan.named[keys[0]], plan.list_generators(keys), f"prompt_group: {name}", name=name
            )
    assigned = [_Assigned(key, row, named[row.prompt_group]) for key, row in plan.named.items()]
    groups = _load_groups(plan.clusters) | dict[Key, PromptGroup](named)
    split_of = {key: group.split for key, group in groups.items()}
    unnamed = list(plan.unnamed.items())
    existing = _find_groups_without_prompts([unnamed[one.members[0]][1] for one in plan.clusters if not one.near])
    for cluster in plan.clusters:
        if cluster.near:
            group = groups[cluster.near[0]]
        else:
            keys = [unnamed[number][0] for number in cluster.members]
            first = plan.unnamed[keys[0]]
            representative = make_representative(first.prompt)
            group = existing.get(representative) or draw.make_group(first, plan.list_generators(keys), representative)
        bridges = bridges_splits(cluster.near, split_of)
        assigned += [_Assigned(*unnamed[number], group, bridges) for number in cluster.members]
    return assigned


def _list_keys_by_name(plan: _Plan) -> dict[str, list[PromptKey]]:
    keys: defaultdict[str, list[PromptKey]] = defaultdict(list)
    for key in plan.named:
        keys[key[0]].append(key)
    return keys


def _store_groups(assigned: Sequence[_Assigned]) -> None:
    """Store new groups and prompts, and index the prompts."""
    groups = {id(one.group): one.group for one in assigned if one.group._state.adding}
    PromptGroup.objects.bulk_create(groups.values(), batch_size=BATCH_SIZE)
    token_sets = index_prompts([one.row.prompt for one in assigned])
    prompts = [
        GroupedPrompt(
            group=one.group,
            text=one.row.prompt,
            digest=one.key[1],
            is_named=bool(one.row.prompt_group),
            bridges_splits=one.bridges,
            token_set_id=token_set,
        )
        for one, token_set in zip(assigned, token_sets, strict=True)
    ]
    GroupedPrompt.objects.bulk_create(prompts, batch_size=BATCH_SIZE)


def _find_named_groups(rows: Iterable[Row]) -> dict[str, PromptGroup]:
    groups: dict[str, PromptGroup] = {}
    for names in split_into_chunks(dict.fromkeys(row.prompt_group for row in rows), LOOKUP_SIZE):
        groups |= {str(group.name): group for group in PromptGroup.objects.filter(name__in=names)}
    return groups


def _load_groups(clusters: Iterable[Cluster[Key]]) -> dict[Key, PromptGroup]:
    keys = sorted({key for cluster in clusters for key in cluster.near if isinstance(key, int)})
    chunks = split_into_chunks(keys, LOOKUP_SIZE)
    return {group.pk: group for chunk in chunks for group in PromptGroup.objects.filter(pk__in=chunk)}


def _find_groups_without_prompts(rows: Iterable[Row]) -> dict[str, PromptGroup]:
    """Return the stored groups that a prompt of these rows represents, by that prompt. They have no prompts."""
    existing: dict[str, PromptGroup] = {}
    for chunk in split_into_chunks((make_representative(row.prompt) for row in rows), LOOKUP_SIZE):
        groups = PromptGroup.objects.filter(representative__in=chunk)
        existing |= {group.representative: group for group in groups}
    return existing


def _count_by_split(splits: Iterable[str]) -> dict[str, int]:
    counts = Counter(splits)
    return {split: counts[split] for split in Split.values}


def _read_state() -> tuple[object, ...]:
    """Return what changes whenever prompts are stored or stored groups are changed."""
    prompts = GroupedPrompt.objects.aggregate(newest=Max("pk"))
    groups = PromptGroup.objects.aggregate(newest=Max("pk"), changed=Max("changed_at"))
    return (*prompts.values(), *groups.values())


def _find_pks_by_name(names: Iterable[str]) -> dict[str, int]:
    pks: dict[str, int] = {}
    for chunk in split_into_chunks(sorted(set(names)), LOOKUP_SIZE):
        pks |= {str(name): pk for name, pk in PromptGroup.objects.filter(name__in=chunk).values_list("name", "pk")}
    return pks


def make_representative(prompt: str) -> str:
    """Return the normalised prompt; a very long one ends in its hash, because an index entry has a maximum size."""
    text = normalise(prompt)
    if len(text.encode()) <= REPRESENTATIVE_LENGTH:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    return text.encode()[: REPRESENTATIVE_LENGTH - len(digest)].decode(errors="ignore") + digest
