"""A new campaign made like one that is there."""

from collections.abc import Iterator

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.campaigns import create_campaign
from annotation.campaigns.guidelines import examples_of, set_guidelines
from annotation.campaigns.overlap import seats
from annotation.campaigns.policy import POLICY_FIELDS
from annotation.models import Campaign, CampaignMember, Item, Slot
from annotation.shared.permissions import require
from annotation.shared.pieces import in_pieces, is_large
from operations.jobs import enqueue

COPY_CLIPS = "copy_clips"


@transaction.atomic
def duplicate_campaign(
    *,
    actor: User,
    campaign: Campaign,
    name: str,
    title: str,
    clips: bool = False,
    golds: bool = False,
    qualification: bool = False,
    members: bool = False,
) -> Campaign:
    """A draft with the same settings, defects and newest guidelines, and a salt of its own; no rating comes along.

    With `clips`, their priorities and scores for the order come too, and the examples in the guidelines, which need
    them; `golds` and `qualification` also bring those marks. A job copies the clips of a large campaign. Clips that are
    held back or excluded stay so. Raises ValidationError by field.
    """
    require(actor, Role.LEAD)
    if (golds or qualification) and not clips:
        raise ValidationError({"clips": _("Golds and qualification clips come only together with the clips.")})
    policy = {field: getattr(campaign, field) for field in POLICY_FIELDS | {"taxonomy"}}
    made = create_campaign(actor=actor, name=name, title=title, is_simulated=campaign.is_simulated, **policy)
    marks = {"golds": golds, "qualification": qualification}
    if not clips:
        _copy_guidelines(actor, campaign, made, with_examples=False)
    elif is_large(campaign.items.all()):
        enqueue(kind=COPY_CLIPS, arguments={"campaign": made.pk, "source": campaign.pk, **marks}, actor=actor)
    else:
        for _done in copy_clips(actor=actor, source=campaign, target=made, golds=golds, qualification=qualification):
            pass
    if members:
        people = campaign.members.values_list("user_id", flat=True)
        CampaignMember.objects.bulk_create(CampaignMember(campaign=made, user_id=user) for user in people)
    audit.record(actor=actor, action="campaign.duplicated", target=made, source=campaign.name)
    return made


def copy_clips(
    *, actor: User, source: Campaign, target: Campaign, golds: bool, qualification: bool
) -> Iterator[tuple[int, int]]:
    """Copy the clips of a campaign in pieces (`annotation.shared.pieces`), and then its guidelines with examples.

    Each item comes with its marks and seats in one transaction, so that half a copy is a smaller campaign.
    """

    def copy_piece(olds: list[Item]) -> None:
        _copy_items(target.pk, olds, golds=golds, qualification=qualification)

    yield from in_pieces(Item.objects.filter(campaign=source).select_related("clip__prompt_group"), copy_piece)
    with transaction.atomic():
        if not target.guidelines.exists():
            _copy_guidelines(actor, source, target, with_examples=True)
        audit.record(actor=actor, action="campaign.clips_added", target=target, count=target.items.count())


def _copy_guidelines(actor: User, source: Campaign, target: Campaign, *, with_examples: bool) -> None:
    newest = source.guidelines.order_by("-number").first()
    if newest is not None:
        examples = examples_of(newest) if with_examples else []
        set_guidelines(actor=actor, campaign=target, text=newest.text, examples=examples)


def _copy_items(target_id: int, olds: list[Item], *, golds: bool, qualification: bool) -> None:
    target = Campaign.objects.select_for_update(no_key=True).get(pk=target_id)
    clips = {old.clip_id: old.clip for old in olds}
    present = set(Item.objects.filter(campaign=target, clip__in=clips).values_list("clip_id", flat=True))
    fresh = [old for old in olds if old.clip_id not in present]
    copies = [_copy(target, old, golds=golds, qualification=qualification) for old in fresh]
    items = Item.objects.bulk_create(copies)
    Slot.objects.bulk_create(
        seat
        for item in items
        if not item.is_qualification
        for seat in seats(target, item, clip_id=item.clip.clip_id, split=item.clip.prompt_group.split)
    )


def _copy(target: Campaign, old: Item, *, golds: bool, qualification: bool) -> Item:
    is_qualification = qualification and old.is_qualification
    is_marked = is_qualification or (golds and not old.is_qualification)
    return Item(
        campaign=target,
        clip=old.clip,
        gold=old.gold if is_marked else None,
        is_qualification=is_qualification,
        feedback=old.feedback if is_qualification else "",
        priority=old.priority,
        order_score=old.order_score,
        availability=old.availability,
        exclusion_reason=old.exclusion_reason,
    )
