"""A new campaign made like one that is there."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Role, User
from annotation.models import Campaign, CampaignMember, Clip, Item, Slot
from annotation.services.campaigns import add_clips, create_campaign
from annotation.services.guidelines import examples_of, set_guidelines
from annotation.services.permissions import require
from annotation.services.policy import POLICY_FIELDS
from annotation.services.ranks import apply_order
from operations import audit

CHUNK = 500


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
    them; `golds` and `qualification` also bring those marks. Raises ValidationError by field.
    """
    require(actor, Role.LEAD)
    if (golds or qualification) and not clips:
        raise ValidationError({"clips": _("Golds and qualification clips come only together with the clips.")})
    policy = {field: getattr(campaign, field) for field in POLICY_FIELDS | {"taxonomy"}}
    made = create_campaign(actor=actor, name=name, title=title, is_simulated=campaign.is_simulated, **policy)
    if clips:
        _copy_clips(actor, campaign, made, golds=golds, qualification=qualification)
    _copy_guidelines(actor, campaign, made, with_examples=clips)
    if members:
        people = campaign.members.values_list("user_id", flat=True)
        CampaignMember.objects.bulk_create(CampaignMember(campaign=made, user_id=user) for user in people)
    audit.record(actor=actor, action="campaign.duplicated", target=made, source=campaign.name)
    return made


def _copy_guidelines(actor: User, source: Campaign, target: Campaign, *, with_examples: bool) -> None:
    newest = source.guidelines.order_by("-number").first()
    if newest is not None:
        examples = examples_of(newest) if with_examples else []
        set_guidelines(actor=actor, campaign=target, text=newest.text, examples=examples)


def _copy_clips(actor: User, source: Campaign, target: Campaign, *, golds: bool, qualification: bool) -> None:
    clips = Clip.objects.filter(items__campaign=source).order_by("items__pk")
    add_clips(actor=actor, campaign=target, clips=clips.iterator(chunk_size=CHUNK))
    last = 0
    while olds := list(Item.objects.filter(campaign=source, pk__gt=last).order_by("pk")[:CHUNK]):
        _copy_marks(olds, target, golds=golds, qualification=qualification)
        last = olds[-1].pk
    apply_order(target)


def _copy_marks(olds: list[Item], target: Campaign, *, golds: bool, qualification: bool) -> None:
    of_clip = {old.clip_id: old for old in olds}
    items = list(Item.objects.filter(campaign=target, clip__in=of_clip))
    for item in items:
        old = of_clip[item.clip_id]
        item.priority, item.order_score = old.priority, old.order_score
        if qualification and old.is_qualification:
            item.gold, item.is_qualification, item.feedback = old.gold, True, old.feedback
        elif golds and not old.is_qualification:
            item.gold = old.gold
    Item.objects.bulk_update(items, ["priority", "order_score", "gold", "is_qualification", "feedback"])
    Slot.objects.filter(item__in=[item for item in items if item.is_qualification]).delete()  # a draft's: all free
