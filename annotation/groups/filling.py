"""Fill an empty or small val or test split with groups of train of which no rater was given a clip."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.corrections.group_settling import MAX_GROUPS, list_moves, lock_groups, move_to_splits, select_decided
from annotation.corrections.records import clean_reason
from annotation.intake.import_report import read_split_sizes
from annotation.intake.prompt_groups import lock_clips
from annotation.intake.split_draw import read_held_out
from annotation.models import Campaign, PromptGroup, Split
from annotation.shared.permissions import require_role
from qsave.splits import HELD_OUT, LEAST_GROUPS, SplitSize


@dataclass(slots=True)
class FillPlan:
    """The groups that would leave train, by the split that they would join, and the sizes before and after."""

    before: Mapping[str, SplitSize]
    after: dict[str, SplitSize]
    moves: dict[str, list[int]] = field(default_factory=lambda: {split: [] for split in HELD_OUT})

    @property
    def count(self) -> int:
        return sum(map(len, self.moves.values()))

    @property
    def is_needed(self) -> bool:
        return any(self.before[split].is_small for split in HELD_OUT)

    @property
    def is_enough(self) -> bool:
        return not any(self.after[split].is_small for split in HELD_OUT)

    @property
    def rows(self) -> list[tuple[str, SplitSize, SplitSize]]:
        return [(split, self.before[split], self.after[split]) for split in Split.values]


def plan_fill(campaign: Campaign | None) -> FillPlan:
    """Choose groups by chance, always the same ones, until val and test are no longer small or train would be.

    Sizes are those of the campaign's clips, or of all clips.
    """
    sizes = read_split_sizes(campaign)
    plan = FillPlan(before=sizes, after=dict(sizes))
    for key, clips in _list_candidates(campaign):
        small = [split for split in HELD_OUT if plan.after[split].is_small]
        if not small or plan.after[Split.TRAIN].groups <= LEAST_GROUPS or plan.count >= MAX_GROUPS:
            break
        split = min(small, key=lambda one: plan.after[one].groups)
        plan.moves[split].append(key)
        plan.after[split] = _resize(plan.after[split], clips, 1)
        plan.after[Split.TRAIN] = _resize(plan.after[Split.TRAIN], -clips, -1)
    return plan


@transaction.atomic
def fill_splits(*, actor: User, campaign: Campaign | None, reason: str) -> FillPlan:
    """Move the groups of the plan into val and test. Raises ValidationError without a reason, or if none can move."""
    require_role(actor, Role.LEAD)
    reason = clean_reason(reason)
    lock_clips()
    plan = plan_fill(campaign)
    if not plan.count:
        raise ValidationError(_("No group can leave train. Import clips of more prompts."))
    locked = lock_groups([key for keys in plan.moves.values() for key in keys])
    move_to_splits(locked, plan.moves)
    audit.record_all(actor=actor, action="groups.moved", entries=list_moves(locked, plan.moves, reason=reason))
    return plan


def _list_candidates(campaign: Campaign | None) -> Iterator[tuple[int, int]]:
    """Yield the key of each group that can leave train, with its clips that count, in an order by chance."""
    counted = Q(clips__bridges_splits=False, clips__withdrawn_at=None)
    counted &= ~Q(clips__generator__in=read_held_out())
    if campaign is not None:
        counted &= Q(clips__items__campaign=campaign, clips__items__is_qualification=False)
    groups = PromptGroup.objects.filter(split=Split.TRAIN).exclude(pk__in=select_decided().values("pk"))
    rows = groups.annotate(count=Count("clips", filter=counted, distinct=True)).filter(count__gt=0)
    keys = sorted(rows.values_list("representative", "pk", "count"), key=lambda row: _hash(row[0]))
    return ((pk, count) for _representative, pk, count in keys)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _resize(size: SplitSize, clips: int, groups: int) -> SplitSize:
    return SplitSize(size.clips + clips, size.groups + groups)
