"""Hold out a generator, so that releases have its clips in test only, and let it back in."""

from collections.abc import Iterator

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.corrections.group_settling import MAX_GROUPS, list_moves, lock_groups, move_to_splits, select_decided
from annotation.corrections.records import clean_reason
from annotation.intake.prompt_groups import lock_clips
from annotation.intake.split_draw import read_held_out
from annotation.models import Clip, HeldOutGenerator, PromptGroup, Split
from annotation.shared.permissions import require_role
from annotation.shared.text import clean_text
from qsave.groups import split_into_chunks

MAX_LENGTH = 120


@transaction.atomic
def hold_out_generator(*, actor: User, generator: str, reason: str) -> int:
    """Hold out a generator. Move the groups that only held-out generators have to test, if they can still change.

    Return how many groups moved. Raises ValidationError without a generator or reason, and if it is held out already.
    """
    require_role(actor, Role.ENGINEER)
    reason, generator = clean_reason(reason), clean_text(generator)
    if not generator or len(generator) > MAX_LENGTH:
        raise ValidationError({"generator": _("Name the generator as it is written in the manifests.")})
    lock_clips()
    if generator in read_held_out():
        raise ValidationError({"generator": _("This generator is held out already.")})
    row = HeldOutGenerator.objects.create(generator=generator, reason=reason, created_by=actor)
    moved = sum(map(len, _move_groups(actor, reason)))
    audit.record(actor=actor, action="splits.held_out", target=row, generator=generator, groups=moved, reason=reason)
    return moved


@transaction.atomic
def let_in_generator(*, actor: User, key: int, reason: str) -> None:
    """Let a held-out generator back in. No group moves. Raises ValidationError without a reason."""
    require_role(actor, Role.ENGINEER)
    reason = clean_reason(reason)
    lock_clips()
    row = HeldOutGenerator.objects.filter(pk=key).first()
    if row is None:
        return
    audit.record(actor=actor, action="splits.let_in", target=row, generator=row.generator, reason=reason)
    row.delete()


def _move_groups(actor: User, reason: str) -> Iterator[list[int]]:
    held_out = read_held_out()
    others = Clip.objects.exclude(generator__in=held_out).values("prompt_group")
    own = Clip.objects.filter(generator__in=held_out).values("prompt_group")
    groups = PromptGroup.objects.filter(pk__in=own).exclude(split=Split.TEST).exclude(pk__in=others)
    keys = list(groups.exclude(pk__in=select_decided().values("pk")).order_by("pk").values_list("pk", flat=True))
    for chunk in split_into_chunks(keys, MAX_GROUPS):
        locked = lock_groups(chunk)
        move_to_splits(locked, {Split.TEST: chunk})
        entries = list_moves(locked, {Split.TEST: chunk}, reason=reason)
        audit.record_all(actor=actor, action="groups.moved", entries=entries)
        yield chunk
