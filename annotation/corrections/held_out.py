"""Apply the hold-out of generators to a clip that got another generator.

A group that only held-out generators have belongs to test. A stored group moves there if no rater was given one of its
clips; else it stays, and releases leave the clip out of train and val.
"""

from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from annotation.corrections.group_settling import list_moves, lock_groups, move_to_splits, select_decided
from annotation.intake.split_draw import read_held_out
from annotation.models import Clip, PromptGroup, Split
from qsave.words import isolate


def apply_hold_out(actor: User, clip: Clip, reason: str) -> None:
    """Move the group of a clip to test if only held-out generators have it now, and it can still change.

    The caller has locked `lock_clips`, and the campaigns and clips of the group.
    """
    group = clip.prompt_group
    held_out, generators = read_held_out(), _list_generators(group)
    if len(generators) == 1 and group.generator not in generators:
        PromptGroup.objects.filter(pk=group.pk).update(generator=clip.generator)  # draws are stratified by it
    if group.split == Split.TEST or not generators <= held_out or _is_decided(group):
        return
    locked = lock_groups([group.pk])
    moves: dict[str, list[int]] = {Split.TEST: [group.pk]}
    move_to_splits(locked, moves)
    audit.record_all(actor=actor, action="groups.moved", entries=list_moves(locked, moves, reason=reason))


def explain_hold_out(clip: Clip) -> str:
    """Return why a clip of a held-out generator is not in test, as sentences; empty if it is, or is not held out."""
    group = PromptGroup.objects.get(pk=clip.prompt_group_id)
    held_out = read_held_out()
    if clip.generator not in held_out or group.split == Split.TEST:
        return ""
    values = {"generator": isolate(clip.generator), "split": group.split}
    if _list_generators(group) <= held_out:
        why = _("Raters were given a clip of its prompt group, so the group stays in %(split)s.")
    else:
        why = _("Other generators have its prompt group too, so the group stays in %(split)s.")
    return " ".join([_("%(generator)s is held out for test."), why, _("Releases leave this clip out.")]) % values


def _list_generators(group: PromptGroup) -> set[str]:
    return set(Clip.objects.filter(prompt_group=group).values_list("generator", flat=True).distinct())


def _is_decided(group: PromptGroup) -> bool:
    return select_decided().filter(pk=group.pk).exists()
