"""Create a campaign with the settings of another."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.availability import choose_availability
from annotation.campaigns.campaigns import create_campaign
from annotation.campaigns.guidelines import read_examples, set_guidelines
from annotation.campaigns.locks import lock_campaign, lock_clip_rows
from annotation.campaigns.overlap import build_rating_slots
from annotation.campaigns.policy import POLICY_FIELDS
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import Campaign, CampaignMember, Item, Slot
from annotation.shared.batches import is_large, process_in_batches
from annotation.shared.permissions import require_role
from operations.jobs import enqueue

COPY_CLIPS = "copy_clips"


@dataclass(frozen=True, slots=True)
class CopiedParts:
    """What a duplicate has besides settings, defects and guidelines.

    `clips` also copies their priorities and order scores, and the examples in the guidelines. `golds` and
    `qualification` copy marks of clips, so they need `clips`.
    """

    clips: bool = False
    golds: bool = False
    qualification: bool = False
    members: bool = False


@transaction.atomic
def duplicate_campaign(
    *, actor: User, campaign: Campaign, name: str, title: str, parts: CopiedParts | None = None
) -> Campaign:
    """Create a draft with the same settings, defects and newest guidelines, a new salt, and no ratings.

    A job copies the clips of a large campaign. Clips that are held back or excluded stay so; withdrawn ones are left
    out. Raises ValidationError by
    field.
    """
    require_role(actor, Role.LEAD)
    parts = parts or CopiedParts()
    if (parts.golds or parts.qualification) and not parts.clips:
        raise ValidationError({"clips": _("Golds and qualification clips can only be copied with the clips.")})
    policy = {field: getattr(campaign, field) for field in POLICY_FIELDS | {"taxonomy"}}
    copy = create_campaign(actor=actor, name=name, title=title, is_simulated=campaign.is_simulated, **policy)
    marks = {"golds": parts.golds, "qualification": parts.qualification}
    if not parts.clips:
        _copy_guidelines(actor, campaign, copy, with_examples=False)
    elif is_large(campaign.items.all()):
        enqueue(kind=COPY_CLIPS, arguments={"campaign": copy.pk, "source": campaign.pk, **marks}, actor=actor)
    else:
        for _done in copy_clips(actor=actor, source=campaign, target=copy, **marks):
            pass
    if parts.members:
        users = campaign.members.values_list("user_id", flat=True)
        CampaignMember.objects.bulk_create(CampaignMember(campaign=copy, user_id=user) for user in users)
    audit.record(actor=actor, action="campaign.duplicated", target=copy, source=campaign.name)
    return copy


def copy_clips(
    *, actor: User, source: Campaign, target: Campaign, golds: bool, qualification: bool
) -> Iterator[tuple[int, int]]:
    """Copy the clips of a campaign in batches (`annotation.shared.batches`), then its guidelines with examples.

    An item is copied with its marks and slots in one transaction: an interrupted copy is a valid, smaller campaign.
    """

    def copy_batch(originals: list[Item]) -> None:
        _copy_items(target.pk, originals, golds=golds, qualification=qualification)

    items = Item.objects.filter(campaign=source).exclude(availability=Item.Availability.WITHDRAWN)
    items = items.select_related("clip__prompt_group")
    yield from process_in_batches(items, copy_batch)
    with transaction.atomic():
        if not target.guidelines.exists():
            _copy_guidelines(actor, source, target, with_examples=True)
        audit.record(actor=actor, action="campaign.clips_added", target=target, count=target.items.count())


def _copy_guidelines(actor: User, source: Campaign, target: Campaign, *, with_examples: bool) -> None:
    newest = source.guidelines.order_by("-number").first()
    if newest is not None:
        examples = [one for one in read_examples(newest) if not one.clip.is_withdrawn] if with_examples else []
        set_guidelines(actor=actor, campaign=target, text=newest.text, examples=examples)


def _copy_items(target_id: int, originals: list[Item], *, golds: bool, qualification: bool) -> None:
    target = lock_campaign(target_id)
    clips = {original.clip_id: original.clip for original in originals}
    present = set(Item.objects.filter(campaign=target, clip__in=clips).values_list("clip_id", flat=True))
    missing = [original for original in originals if original.clip_id not in present]
    current = {clip.pk: clip for clip in lock_clip_rows(original.clip_id for original in missing)}
    for original in missing:
        if original.availability in (Item.Availability.AVAILABLE, Item.Availability.PREPARING):
            original.availability = choose_availability(current[original.clip_id])
    copies = [_copy_item(target, original, golds=golds, qualification=qualification) for original in missing]
    items = Item.objects.bulk_create(copies)
    Slot.objects.bulk_create(
        slot
        for item in items
        if not item.is_qualification
        for slot in build_rating_slots(target, item, clip_id=item.clip.clip_id, split=item.clip.prompt_group.split)
    )
    refresh_summaries(item.pk for item in items)


def _copy_item(target: Campaign, original: Item, *, golds: bool, qualification: bool) -> Item:
    is_qualification = qualification and original.is_qualification
    is_marked = is_qualification or (golds and not original.is_qualification)
    return Item(
        campaign=target,
        clip=original.clip,
        gold=original.gold if is_marked else None,
        is_qualification=is_qualification,
        feedback=original.feedback if is_qualification else "",
        priority=original.priority,
        order_score=original.order_score,
        availability=original.availability,
        exclusion_reason=original.exclusion_reason,
    )
