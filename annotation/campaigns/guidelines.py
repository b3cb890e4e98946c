"""A campaign's guidelines: versions that are never changed, each rating pinned to the one that its rater saw."""

from collections.abc import Sequence
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.models import Campaign, Clip, Guideline, GuidelineExample, Item
from annotation.shared.permissions import require
from annotation.shared.text import clean_text
from qsave.axes import MAX_LEVEL, MIN_LEVEL, Axis
from qsave.words import isolate

MOST_EXAMPLES = 60
NOTE_LENGTH = 300


class Example(NamedTuple):
    """A clip of the campaign that shows what a level of an axis looks like, and in a few words why."""

    axis: str
    level: int
    clip: Clip
    note: str = ""


@transaction.atomic
def set_guidelines(
    *, actor: User, campaign: Campaign, text: str, examples: Sequence[Example] | None = None
) -> Guideline:
    """The next version of a campaign's guidelines; the same text and examples again make none.

    Without `examples` those of the newest version stay. Raises ValidationError by field.
    """
    require(actor, Role.LEAD)
    Campaign.objects.select_for_update().get(pk=campaign.pk)
    newest = campaign.guidelines.order_by("-number").first()
    before = examples_of(newest) if newest else []
    after = before if examples is None else _checked(campaign, examples)
    if newest is not None and newest.text == text and before == after:
        return newest
    number = newest.number + 1 if newest else 1
    guideline = Guideline.objects.create(campaign=campaign, number=number, text=text, created_by=actor)
    GuidelineExample.objects.bulk_create(GuidelineExample(guideline=guideline, **one._asdict()) for one in after)
    audit.record(actor=actor, action="campaign.guidelines", target=campaign, number=number, examples=len(after))
    return guideline


def examples_of(guideline: Guideline) -> list[Example]:
    """The examples of one version, as they were given. One query."""
    rows = guideline.examples.select_related("clip").order_by("pk")
    return [Example(row.axis, row.level, row.clip, row.note) for row in rows]


def given_out_examples(guideline: Guideline) -> list[Example]:
    """The examples that raters are shown: those of clips that are held back or excluded are left out. One query."""
    held_back = Item.objects.filter(campaign=guideline.campaign_id).exclude(availability=Item.Availability.AVAILABLE)
    rows = guideline.examples.exclude(clip__in=held_back.values("clip")).select_related("clip").order_by("pk")
    return [Example(row.axis, row.level, row.clip, row.note) for row in rows]


def _checked(campaign: Campaign, examples: Sequence[Example]) -> list[Example]:
    mine = set(
        Item.objects.filter(campaign=campaign, clip__in=[one.clip for one in examples]).values_list(
            "clip_id", flat=True
        )
    )
    clean = [Example(axis, level, clip, clean_text(note)) for axis, level, clip, note in examples]
    problems = [words for one in clean if (words := _problem(one, mine))]
    if len({(one.axis, one.level, one.clip.pk) for one in clean}) < len(clean):
        problems.append(_("A clip stands once as an example of a level."))
    if len(clean) > MOST_EXAMPLES:
        problems.append(_("At most %(most)s examples fit.") % {"most": MOST_EXAMPLES})
    if problems:
        raise ValidationError({"examples": problems})
    return clean


def _problem(example: Example, mine: set[int]) -> str:
    if example.axis not in set(Axis) or example.level not in range(MIN_LEVEL, MAX_LEVEL + 1):
        return _("An example is of one of the three axes, and of a level from 1 to 5.")
    if example.clip.pk not in mine:
        return _("The clip %(clip)s is not in this campaign.") % {"clip": isolate(example.clip.clip_id)}
    if len(example.note) > NOTE_LENGTH:
        return _("A note has at most %(most)s characters.") % {"most": NOTE_LENGTH}
    return ""
