"""A campaign's guidelines: versions that never change; a rating keeps the version that its rater saw."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.locks import lock_campaign
from annotation.models import Campaign, Clip, Guideline, GuidelineExample, Item
from annotation.shared.levels import get_level_name
from annotation.shared.permissions import require_role
from annotation.shared.text import clean_text
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.words import isolate

MAX_TEXT_LENGTH = 100_000
MAX_EXAMPLES = 60
MAX_NOTE_LENGTH = 300


class Example(NamedTuple):
    """A clip of the campaign that shows what a level of an axis looks like, with a short note why."""

    axis: str
    level: int
    clip: Clip
    note: str = ""


@dataclass(frozen=True, slots=True)
class LevelExamples:
    """One level of an axis with its examples; a level may have none."""

    level: int
    word: str
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class AxisExamples:
    """The five levels of an axis, from bad to excellent."""

    axis: str
    levels: tuple[LevelExamples, ...]


@transaction.atomic
def set_guidelines(
    *, actor: User, campaign: Campaign, text: str, examples: Sequence[Example] | None = None
) -> Guideline:
    """Save the next version of a campaign's guidelines; the same text and examples again make no new version.

    Without `examples` those of the newest version stay. Raises ValidationError by field.
    """
    require_role(actor, Role.LEAD)
    lock_campaign(campaign.pk)
    newest = campaign.guidelines.order_by("-number").first()
    before = read_examples(newest) if newest else []
    after = before if examples is None else _check_examples(campaign, examples)
    if newest is not None and newest.text == text and before == after:
        return newest
    number = newest.number + 1 if newest else 1
    guideline = Guideline.objects.create(campaign=campaign, number=number, text=text, created_by=actor)
    GuidelineExample.objects.bulk_create(
        GuidelineExample(guideline=guideline, **example._asdict()) for example in after
    )
    audit.record(actor=actor, action="campaign.guidelines", target=campaign, number=number, examples=len(after))
    return guideline


def read_examples(guideline: Guideline) -> list[Example]:
    """Return the examples of one version in the order they were added. One query."""
    rows = guideline.examples.select_related("clip").order_by("pk")
    return [Example(row.axis, row.level, row.clip, row.note) for row in rows]


def read_available_examples(guideline: Guideline) -> list[Example]:
    """Return the examples that raters see, without clips that are held back or excluded. One query."""
    held_back = Item.objects.filter(campaign=guideline.campaign_id).exclude(availability=Item.Availability.AVAILABLE)
    rows = guideline.examples.exclude(clip__in=held_back.values("clip")).select_related("clip").order_by("pk")
    return [Example(row.axis, row.level, row.clip, row.note) for row in rows]


def group_by_level(examples: Iterable[Example]) -> list[AxisExamples]:
    """Group examples by axis and level: each axis that has examples, with its five levels."""
    by_level: dict[tuple[str, int], list[Example]] = {}
    for example in examples:
        by_level.setdefault((example.axis, example.level), []).append(example)
    axes_with_examples = {axis for axis, _level in by_level}
    return [
        AxisExamples(
            axis.value,
            tuple(
                LevelExamples(level, get_level_name(level), tuple(by_level.get((axis.value, level), ())))
                for level in range(MIN_LEVEL, MAX_LEVEL + 1)
            ),
        )
        for axis in AXES
        if axis.value in axes_with_examples
    ]


def _check_examples(campaign: Campaign, examples: Sequence[Example]) -> list[Example]:
    """Return the examples with clean notes; raises ValidationError if one does not fit."""
    clips = [example.clip for example in examples]
    own_clips = set(Item.objects.filter(campaign=campaign, clip__in=clips).values_list("clip_id", flat=True))
    clean = [Example(axis, level, clip, clean_text(note)) for axis, level, clip, note in examples]
    problems = [problem for example in clean if (problem := _find_problem(example, own_clips))]
    if len({(example.axis, example.level, example.clip.pk) for example in clean}) < len(clean):
        problems.append(_("A clip can be an example of a level only once."))
    if len(clean) > MAX_EXAMPLES:
        problems.append(_("Guidelines can have at most %(most)s examples.") % {"most": MAX_EXAMPLES})
    if problems:
        raise ValidationError({"examples": problems})
    return clean


def _find_problem(example: Example, own_clips: set[int]) -> str:
    if example.axis not in set(Axis) or example.level not in range(MIN_LEVEL, MAX_LEVEL + 1):
        return _("An example needs one of the three axes and a level from 1 to 5.")
    if example.clip.pk not in own_clips:
        return _("The clip %(clip)s is not in this campaign.") % {"clip": isolate(example.clip.clip_id)}
    if len(example.note) > MAX_NOTE_LENGTH:
        return _("A note can have at most %(most)s characters.") % {"most": MAX_NOTE_LENGTH}
    return ""
