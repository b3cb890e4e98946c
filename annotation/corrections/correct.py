"""Give a clip several new values at once, as a row of a re-imported manifest has them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Role, User
from annotation.campaigns.locks import lock_campaigns
from annotation.campaigns.marking import Mark, mark_item
from annotation.corrections.details import DETAILS, edit_details
from annotation.corrections.held_out import apply_hold_out
from annotation.corrections.new_files import NewFile, read_new_file
from annotation.corrections.prompts import change_prompt
from annotation.corrections.records import clean_reason, lock_all
from annotation.corrections.replacement import replace_file
from annotation.intake.prompt_groups import lock_clips
from annotation.models import Campaign, Clip, Item
from annotation.shared.permissions import require_role

VALUES = frozenset({*DETAILS, "prompt", "gold", "video"})


def correct_clip(
    *, actor: User, clip: Clip, values: Mapping[str, Any], reason: str, campaign: Campaign | None = None
) -> Clip:
    """Apply all of the values or none, and return the clip that has them, which may be a successor.

    The names are those of `differences.Difference`; `video` is the new file, or its path. Known scores (`gold`) are
    those of the clip's item in `campaign`. Raises ValidationError by field.
    """
    require_role(actor, Role.LEAD)
    reason = clean_reason(reason)
    unknown = values.keys() - VALUES
    if unknown:
        raise ValidationError(dict.fromkeys(unknown, _("A clip has no such value.")))
    file = values.get("video")
    if isinstance(file, Path):
        file = read_new_file(file)  # decodes it before anything is locked
    with transaction.atomic():
        return _apply(actor, clip, values, file, reason, campaign)


def _apply(
    actor: User, clip: Clip, values: Mapping[str, Any], file: NewFile | None, reason: str, campaign: Campaign | None
) -> Clip:
    _lock(clip, with_group="generator" in values)
    details = {name: values[name] for name in DETAILS if name in values}
    if details:
        generator = clip.generator
        clip = edit_details(actor=actor, clip=clip, details=details, reason=reason)
        if clip.generator != generator:
            apply_hold_out(actor, clip, reason)
    if "gold" in values and campaign is not None:
        _set_known_scores(actor, Item.objects.get(campaign=campaign, clip=clip), values["gold"])
    if file is not None:
        clip = replace_file(actor=actor, clip=clip, file=file, reason=reason)
    if "prompt" in values:
        clip = change_prompt(actor=actor, clip=clip, prompt=values["prompt"], reason=reason)
    return clip


def _lock(clip: Clip, *, with_group: bool) -> None:
    """Take the locks of all the corrections at once, in the order of `annotation.campaigns.locks`.

    With the group, its other clips are locked too: the group may move to another split.
    """
    lock_clips()
    clips = [clip]
    if with_group:
        clips = list(Clip.objects.filter(prompt_group__clips=clip.pk).only("pk"))
    lock_campaigns(Item.objects.filter(clip__in=[one.pk for one in clips]).values("campaign"))
    lock_all(clips)


def _set_known_scores(actor: User, item: Item, scores: Mapping[str, float]) -> None:
    mark = Mark.QUALIFICATION if item.is_qualification else Mark.GOLD
    mark_item(actor=actor, item=item, mark=mark, scores=scores)
