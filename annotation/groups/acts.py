"""Change prompt groups of which no rater was given a clip: merge them, split them, draw their splits again.

Each act has a reason and an audit entry. Afterwards near prompts in different splits are marked as bridges.
"""

from collections.abc import Collection, Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import AuditEntry, Role, User
from annotation.corrections.group_settling import list_moves, lock_groups, move_to_splits, settle
from annotation.corrections.records import clean_reason
from annotation.intake.prompt_groups import hash_prompt, make_representative
from annotation.intake.split_draw import SplitDraw, read_held_out
from annotation.models import Clip, GroupedPrompt, PromptGroup, Split
from annotation.shared.permissions import require_role


@transaction.atomic
def merge_groups(*, actor: User, groups: Collection[int], reason: str) -> PromptGroup:
    """Make one group of several, with the split of the oldest or of the one that a manifest names, and return it.

    Raises ValidationError without a reason, for fewer than two groups, for two that manifests name, and if a rater was
    given one of the clips.
    """
    require_role(actor, Role.LEAD)
    reason = clean_reason(reason)
    if len(set(groups)) < 2:
        raise ValidationError({"groups": _("Choose at least two groups to merge.")})
    locked = lock_groups(groups)
    named = [group for group in locked.groups if group.name]
    if len(named) > 1:
        message = _("Manifests name two of these groups. They stay apart, as later rows may name them.")
        raise ValidationError({"groups": message})
    (target, *_rest) = named or locked.groups
    others = [group.pk for group in locked.groups if group.pk != target.pk]
    GroupedPrompt.objects.filter(group__in=others).update(group=target)
    Clip.objects.filter(prompt_group__in=others).update(prompt_group=target)
    PromptGroup.objects.filter(pk__in=others).delete()
    settle(locked.clips, [target.pk])
    audit.record(
        actor=actor, action="groups.merged", target=target, count=len(others) + 1, split=target.split, reason=reason
    )
    return target


@transaction.atomic
def split_group(*, actor: User, group: int, prompts: Collection[int], reason: str) -> PromptGroup:
    """Move prompts and their clips into a new group of the same split, and return it.

    Raises ValidationError without a reason, if no prompt would move or stay, for prompts that a manifest named, and if
    a rater was given one of the clips.
    """
    require_role(actor, Role.LEAD)
    reason = clean_reason(reason)
    locked = lock_groups([group])
    (source,) = locked.groups
    moved = list(source.prompts.filter(pk__in=prompts).order_by("pk"))
    staying = source.prompts.exclude(pk__in=[prompt.pk for prompt in moved]).order_by("pk").first()
    if not moved or staying is None:
        raise ValidationError({"prompts": _("Choose prompts to move. At least one prompt must stay in the group.")})
    if any(prompt.is_named for prompt in moved):
        message = _("A manifest named the group of one of these prompts, so the prompt cannot leave it.")
        raise ValidationError({"prompts": message})
    new = _create_group(source, moved, staying)
    settle(locked.clips, [source.pk, new.pk])
    audit.record(
        actor=actor, action="groups.split", target=new, count=len(moved), source=source.representative, reason=reason
    )
    return new


@transaction.atomic
def redraw_groups(*, actor: User, groups: Collection[int], reason: str) -> dict[str, int]:
    """Draw the splits of groups again, by what the other groups have, and return how many are in each split now.

    Raises ValidationError without a reason, without a group, and if a rater was given one of the clips.
    """
    require_role(actor, Role.LEAD)
    reason = clean_reason(reason)
    if not groups:
        raise ValidationError({"groups": _("Choose at least one group.")})
    locked = lock_groups(groups)
    seed = _choose_seed()
    draw, held_out = SplitDraw(seed, without=locked.keys), read_held_out()
    splits: dict[str, list[int]] = {split: [] for split in Split.values}
    for group in locked.groups:
        is_held_out = group.generator in held_out
        split = Split.TEST if is_held_out else draw.draw(group.name or group.representative, group.generator)
        splits[split].append(group.pk)
    move_to_splits(locked, splits)
    audit.record_all(actor=actor, action="groups.redrawn", entries=list_moves(locked, splits, reason=reason, seed=seed))
    return {split: len(keys) for split, keys in splits.items()}


def _create_group(source: PromptGroup, moved: Sequence[GroupedPrompt], staying: GroupedPrompt) -> PromptGroup:
    representative = make_representative(moved[0].text)
    if source.name is None:
        # the representative of a group is one of its prompts, so no two groups have the same
        PromptGroup.objects.filter(pk=source.pk).update(representative=make_representative(staying.text))
    new = PromptGroup.objects.create(representative=representative, split=source.split, generator=source.generator)
    GroupedPrompt.objects.filter(pk__in=[prompt.pk for prompt in moved]).update(group=new)
    digests = {prompt.digest for prompt in moved}
    clips = [clip.pk for clip in Clip.objects.filter(prompt_group=source) if hash_prompt(clip.prompt) in digests]
    Clip.objects.filter(pk__in=clips).update(prompt_group=new)
    return new


def _choose_seed() -> int:
    """Return a seed that differs from one draw to the next; the audit entry has it."""
    newest: int | None = AuditEntry.objects.aggregate(newest=Max("pk"))["newest"]
    return newest or 0
