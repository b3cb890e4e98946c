"""What follows when prompt groups change: bridges between splits, arms of free slots, unseen drafts and summaries.

A group can change until a rater is given one of its clips. All of it happens under the lock of clips.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.campaigns.locks import lock_campaigns
from annotation.campaigns.overlap import draw_arm
from annotation.campaigns.summaries import refresh_summaries
from annotation.corrections.records import LockedClips, lock_all
from annotation.intake.prompt_groups import hash_prompt, index_stored_prompts, lock_clips
from annotation.intake.prompt_index import find_near_sets
from annotation.models import Campaign, Clip, Draft, GroupedPrompt, Item, Offer, PromptGroup, Slot, Split
from qsave.words import isolate

BATCH_SIZE = 500
MAX_GROUPS = 500
"""The most groups that one act changes."""


@dataclass(frozen=True, slots=True)
class LockedGroups:
    """Groups as they are now, with their clips, which no rater was given. All are locked until the transaction ends."""

    groups: Sequence[PromptGroup]
    clips: LockedClips

    @property
    def keys(self) -> list[int]:
        return [group.pk for group in self.groups]


def lock_groups(keys: Collection[int]) -> LockedGroups:
    """Lock groups that can still change. Raises ValidationError if one of them cannot, or does not exist any more."""
    if len(keys) > MAX_GROUPS:
        raise ValidationError({"groups": _("Choose at most %(most)s groups.") % {"most": MAX_GROUPS}})
    lock_clips()
    index_stored_prompts()
    groups = list(PromptGroup.objects.filter(pk__in=keys).order_by("pk"))
    if len(groups) != len(set(keys)):
        raise ValidationError({"groups": _("One of these groups does not exist any more. Read them again.")})
    lock_campaigns(Item.objects.filter(clip__prompt_group__in=keys).values("campaign"))
    clips = lock_all(list(Clip.objects.filter(prompt_group__in=keys).only("pk")))
    decided = set(select_decided().filter(pk__in=keys).values_list("pk", flat=True))
    for group in groups:
        if group.pk in decided:
            message = _("A rater was given a clip of the group %(group)s, so it can no longer change.")
            raise ValidationError({"groups": message % {"group": isolate(group.representative[:80])}})
    return LockedGroups(groups, clips)


def select_decided() -> QuerySet[PromptGroup]:
    """Return the groups that can no longer change, because a rater was given one of their clips."""
    taken = Slot.objects.exclude(state=Slot.State.FREE).values("item__clip__prompt_group")
    offered = Offer.objects.values("item__clip__prompt_group")
    return PromptGroup.objects.filter(Q(pk__in=taken) | Q(pk__in=offered))


def settle(clips: LockedClips, groups: Collection[int]) -> None:
    """Bring everything in line with the groups, which now have their prompts, clips and splits."""
    PromptGroup.objects.filter(pk__in=groups).update(changed_at=timezone.now())
    _mark_prompts(list(GroupedPrompt.objects.filter(group__in=groups).select_related("group")))
    _mark_clips(groups)
    _redraw_arms(clips)
    Draft.objects.filter(item__in=clips.items).exclude(item__clip__prompt_group__split=Split.TRAIN).delete()
    refresh_summaries(item.pk for item in clips.items)


def move_to_splits(locked: LockedGroups, splits: Mapping[str, Collection[int]]) -> None:
    """Give locked groups the splits in which their keys are listed."""
    for split, keys in splits.items():
        PromptGroup.objects.filter(pk__in=keys).update(split=split)
    settle(locked.clips, locked.keys)


def list_moves(
    locked: LockedGroups, splits: Mapping[str, Collection[int]], **data: object
) -> list[tuple[PromptGroup, dict[str, object]]]:
    """Return the audit entries of the groups whose split changed: each group with the split before and after."""
    split_of = {key: split for split, keys in splits.items() for key in keys}
    return [
        (group, {"before": group.split, "after": split_of[group.pk], **data})
        for group in locked.groups
        if split_of[group.pk] != group.split
    ]


def _mark_prompts(changed: Sequence[GroupedPrompt]) -> None:
    """Mark the changed prompts that are near prompts of another split, and unmark others that no longer are."""
    near = _mark(changed)
    others = GroupedPrompt.objects.filter(bridges_splits=True, token_set__in=near)
    _mark(list(others.exclude(pk__in=[prompt.pk for prompt in changed]).select_related("group")))


def _mark(prompts: Sequence[GroupedPrompt]) -> set[int]:
    """Compare prompts with all stored ones, store whether they bridge, and return the token sets near them."""
    near = find_near_sets({prompt.token_set_id for prompt in prompts if prompt.token_set_id})
    splits = _find_splits(set().union(*near.values()))
    changed = []
    for prompt in prompts:
        others = set().union(*(splits[key] for key in near.get(prompt.token_set_id or 0, ())))
        bridges = not prompt.is_named and len(others | {prompt.group.split}) > 1
        if prompt.bridges_splits != bridges:
            prompt.bridges_splits = bridges
            changed.append(prompt)
    GroupedPrompt.objects.bulk_update(changed, ["bridges_splits"], batch_size=BATCH_SIZE)
    return set().union(*near.values())


def _find_splits(token_sets: Iterable[int]) -> dict[int, set[str]]:
    splits: defaultdict[int, set[str]] = defaultdict(set)
    rows = GroupedPrompt.objects.filter(token_set__in=list(token_sets)).values_list("token_set", "group__split")
    for token_set, split in rows:
        splits[token_set].add(split)
    return splits


def _mark_clips(groups: Collection[int]) -> None:
    """Mark the clips of changed groups that bridge, and unmark clips elsewhere that no longer do."""
    own = Q(prompt_group__in=groups)
    marked = Clip.objects.filter(bridges_splits=True)
    near = Q(pk__in=marked.filter(prompt_group__prompts__bridges_splits=False).values("pk"))
    videos = Clip.objects.filter(own).values("sha256")
    twins = Q(pk__in=marked.filter(sha256__in=videos).values("pk"))
    clips = list(Clip.objects.filter(own | near | twins).only("prompt", "sha256", "prompt_group", "bridges_splits"))
    bridging = set(
        GroupedPrompt.objects.filter(
            bridges_splits=True, group__in={clip.prompt_group_id for clip in clips}
        ).values_list("group", "digest")
    )
    splits = _find_splits_of_videos({clip.sha256 for clip in clips})
    changed = []
    for clip in clips:
        bridges = (clip.prompt_group_id, hash_prompt(clip.prompt)) in bridging or len(splits[clip.sha256]) > 1
        if clip.bridges_splits != bridges:
            clip.bridges_splits = bridges
            changed.append(clip)
    Clip.objects.bulk_update(changed, ["bridges_splits"], batch_size=BATCH_SIZE)


def _find_splits_of_videos(videos: Iterable[str]) -> dict[str, set[str]]:
    splits: defaultdict[str, set[str]] = defaultdict(set)
    clips = Clip.objects.filter(sha256__in=list(videos), withdrawn_at=None)
    for sha256, split in clips.values_list("sha256", "prompt_group__split"):
        splits[sha256].add(split)
    return splits


def _redraw_arms(clips: LockedClips) -> None:
    rows = Clip.objects.filter(pk__in=[clip.pk for clip in clips.clips])
    facts = {pk: (clip_id, split) for pk, clip_id, split in rows.values_list("pk", "clip_id", "prompt_group__split")}
    items = {item.pk: item for item in clips.items}
    campaigns = Campaign.objects.in_bulk({item.campaign_id for item in clips.items})
    for slot in clips.slots:
        clip_id, split = facts[items[slot.item_id].clip_id]
        slot.arm = draw_arm(campaigns[slot.campaign_id], clip_id, slot.number, split)
    Slot.objects.bulk_update(clips.slots, ["arm"], batch_size=BATCH_SIZE)
