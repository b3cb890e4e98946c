"""Read the list of prompt groups: a page of it, with what each group holds and whether it can still change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, Min, Q, QuerySet

from annotation.corrections.group_settling import select_decided
from annotation.models import Clip, GroupedPrompt, PromptGroup, Split

PAGE_SIZE = 50
KINDS = ("named", "similar")
STATES = ("open", "fixed", "bridging")


@dataclass(frozen=True, slots=True)
class GroupFilter:
    """Which groups to list: words of a prompt, a split, how the group was made, and its state. Empty means all."""

    words: str = ""
    split: str = ""
    kind: str = ""
    state: str = ""

    @property
    def is_set(self) -> bool:
        return bool(self.words or self.split or self.kind or self.state)


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group with the numbers of its prompts and clips. Once it is decided it can no longer change."""

    group: PromptGroup
    title: str
    """Its name, or its first prompt as it was written."""
    prompts: int
    clips: int
    bridging: int
    is_decided: bool


@dataclass(frozen=True, slots=True)
class GroupPage:
    """A page of groups, the newest first. `before` is the key after which the next page begins; 0 on the last page."""

    rows: Sequence[GroupRow]
    count: int
    before: int


def read_filter(query: Mapping[str, str]) -> GroupFilter:
    """Read the filter of an address; unknown values are ignored."""
    return GroupFilter(
        words=query.get("words", "").strip(),
        split=_choose(query.get("split", ""), Split.values),
        kind=_choose(query.get("kind", ""), KINDS),
        state=_choose(query.get("state", ""), STATES),
    )


def read_page(wanted: GroupFilter, *, before: int | None) -> GroupPage:
    groups = select_groups(wanted)
    count = groups.count()
    if before:
        groups = groups.filter(pk__lt=before)
    page = list(groups.order_by("-pk")[: PAGE_SIZE + 1])
    rows = make_rows(page[:PAGE_SIZE])
    return GroupPage(rows, count, page[PAGE_SIZE - 1].pk if len(page) > PAGE_SIZE else 0)


def _choose(value: str, values: Sequence[str]) -> str:
    return value if value in values else ""


def select_groups(wanted: GroupFilter) -> QuerySet[PromptGroup]:
    """Return the groups that fit all parts of a filter."""
    groups = PromptGroup.objects.all()
    if wanted.words:
        prompts = GroupedPrompt.objects.filter(text__icontains=wanted.words)
        groups = groups.filter(Q(pk__in=prompts.values("group")) | Q(name__icontains=wanted.words))
    if wanted.split:
        groups = groups.filter(split=wanted.split)
    if wanted.kind:
        groups = groups.filter(name__isnull=wanted.kind != "named")
    if wanted.state == "bridging":
        return groups.filter(pk__in=Clip.objects.filter(bridges_splits=True).values("prompt_group"))
    if wanted.state:
        decided = Q(pk__in=select_decided().values("pk"))
        return groups.filter(decided if wanted.state == "fixed" else ~decided)
    return groups


def make_rows(groups: Sequence[PromptGroup]) -> list[GroupRow]:
    """Return the rows of groups, in a number of queries that does not grow."""
    keys = [group.pk for group in groups]
    prompts = _count(GroupedPrompt.objects.filter(group__in=keys), "group")
    clips = _count(Clip.objects.filter(prompt_group__in=keys), "prompt_group")
    bridging = _count(Clip.objects.filter(prompt_group__in=keys, bridges_splits=True), "prompt_group")
    first_keys = GroupedPrompt.objects.filter(group__in=keys).order_by().values("group").annotate(first=Min("pk"))
    firsts = dict(GroupedPrompt.objects.filter(pk__in=first_keys.values("first")).values_list("group", "text"))
    decided = set(select_decided().filter(pk__in=keys).values_list("pk", flat=True))
    return [
        GroupRow(
            group=group,
            title=group.name or firsts.get(group.pk, group.representative),
            prompts=prompts.get(group.pk, 0),
            clips=clips.get(group.pk, 0),
            bridging=bridging.get(group.pk, 0),
            is_decided=group.pk in decided,
        )
        for group in groups
    ]


def _count(rows: QuerySet[Clip] | QuerySet[GroupedPrompt], by: str) -> dict[int, int]:
    return dict(rows.order_by().values_list(by).annotate(Count("pk")))
