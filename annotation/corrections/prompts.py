"""Correct the prompt of a clip.

Until a rater is given the clip, its prompt is edited and it joins the group of its new prompt. Afterwards its ratings
of alignment hold for the prompt that its raters saw. The correction then makes a new clip of the same video with the
new prompt, in the same campaigns and without ratings, and withdraws the old one, which links to the new one.
"""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.campaigns import store_items
from annotation.campaigns.locks import lock_campaigns
from annotation.campaigns.overlap import draw_arm
from annotation.campaigns.summaries import refresh_summaries
from annotation.corrections.records import LockedClips, clean_reason, list_entries, lock_all
from annotation.corrections.withdrawal import withdraw_locked
from annotation.intake.manifests import Row, RowRefused, read_row
from annotation.intake.prompt_groups import find_group, group_prompts, lock_clips
from annotation.models import FILE_FIELDS, Clip, Draft, Item, PromptGroup, Slot
from annotation.shared.permissions import require_role

COPIED = (*FILE_FIELDS, "generator", "seed", "metadata", "content_warning", "is_ready", "is_simulated")
COPIED_MARKS = ("gold", "is_qualification", "feedback", "priority", "order_score")
LONGEST_NAME = 200
LONGEST_ENDING = 8


@transaction.atomic
def change_prompt(*, actor: User, clip: Clip, prompt: str, reason: str) -> Clip:
    """Correct the prompt and return the clip that has it: the same one, or its successor if a rater was given it.

    Raises ValidationError by field for a prompt that no manifest may have, without a reason, and for a withdrawn clip.
    """
    require_role(actor, Role.LEAD)
    prompt, reason = clean_prompt(prompt), clean_reason(reason)
    lock_clips()
    lock_campaigns(Item.objects.filter(clip=clip.pk).values("campaign"))
    locked = lock_all([clip])
    (current,) = locked.clips
    if current.prompt == prompt:
        return current
    if current.is_withdrawn:
        raise ValidationError({"prompt": _("This clip is withdrawn. Restore it first.")})
    group, bridges = find_group_of(current, prompt, locked.items)
    if locked.is_taken():
        return _replace_by_successor(actor, locked, prompt, group, bridges, reason)
    _move(actor, locked, prompt, group, bridges, reason)
    return current


def clean_prompt(prompt: str) -> str:
    """Return a prompt as it is stored. Raises ValidationError for one that no manifest may have."""
    try:
        return read_row({"video": "-", "generator": "-", "prompt": prompt}).prompt
    except RowRefused as refusal:
        raise ValidationError({"prompt": str(refusal)}) from None


def find_group_of(clip: Clip, prompt: str, items: Sequence[Item]) -> tuple[PromptGroup, bool]:
    """Return the group of the prompt, and whether the clip then bridges two splits.

    A clip whose group was named stays in it, whatever its prompt is.
    """
    row = Row(video="", prompt=prompt, generator=clip.generator, prompt_group=clip.prompt_group.name or "")
    group_prompts([row], seed=items[0].campaign.seed if items else 0)
    group, bridges = find_group(row)
    twins = Clip.objects.filter(sha256=clip.sha256, withdrawn_at=None).exclude(pk=clip.pk)
    return group, bridges or twins.exclude(prompt_group__split=group.split).exists()


def _move(actor: User, locked: LockedClips, prompt: str, group: PromptGroup, bridges: bool, reason: str) -> None:
    """Give a clip that no rater has seen its prompt and group, draw its arms again, and delete its unseen drafts."""
    (clip,) = locked.clips
    before = {"prompt": clip.prompt, "split": clip.prompt_group.split}
    clip.prompt, clip.prompt_group, clip.bridges_splits = prompt, group, bridges
    clip.save(update_fields=["prompt", "prompt_group", "bridges_splits"])
    campaigns = {item.pk: item.campaign for item in locked.items}
    for slot in locked.slots:
        slot.arm = draw_arm(campaigns[slot.item_id], clip.clip_id, slot.number, group.split)
    Slot.objects.bulk_update(locked.slots, ["arm"])
    Draft.objects.filter(item__in=locked.items).delete()
    after = {"prompt": prompt, "split": group.split}
    entries = list_entries(clip, before=before, after=after, reason=reason)
    audit.record_all(actor=actor, action="clip.prompt_changed", entries=entries)
    refresh_summaries(item.pk for item in locked.items)


def _replace_by_successor(
    actor: User, locked: LockedClips, prompt: str, group: PromptGroup, bridges: bool, reason: str
) -> Clip:
    (clip,) = locked.clips
    successor = Clip.objects.create(
        **{name: getattr(clip, name) for name in COPIED},
        clip_id=choose_name(clip.clip_id),
        prompt=prompt,
        prompt_group=group,
        bridges_splits=bridges,
    )
    for item in locked.items:
        if not item.exclusion_reason:
            marks = {name: getattr(item, name) for name in COPIED_MARKS}
            store_items(item.campaign, [Item(campaign=item.campaign, clip=successor, **marks)])
    withdraw_locked(actor, locked, reason, successor)
    before, after = {"prompt": clip.prompt, "clip": clip.clip_id}, {"prompt": prompt}
    entries = list_entries(successor, before=before, after=after, reason=reason)
    audit.record_all(actor=actor, action="clip.made_for_prompt", entries=entries)
    return successor


def choose_name(clip_id: str) -> str:
    """Return the first free name of `boat-2`, `boat-3` and so on, for `boat` and for `boat-2` alike."""
    base, dash, ending = clip_id.rpartition("-")
    is_successor = dash and ending.isdecimal() and Clip.objects.filter(clip_id=base).exists()
    base = (base if is_successor else clip_id)[: LONGEST_NAME - LONGEST_ENDING]
    names = set(Clip.objects.filter(clip_id__startswith=f"{base}-").values_list("clip_id", flat=True))
    return next(name for number in range(2, len(names) + 3) if (name := f"{base}-{number}") not in names)
