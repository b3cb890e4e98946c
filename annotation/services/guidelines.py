"""A campaign's guidelines: versions that are never changed, each rating pinned to the one that its rater saw."""

from django.db import transaction

from accounts.models import Role, User
from annotation.models import Campaign, Guideline
from annotation.services.permissions import require
from operations import audit


@transaction.atomic
def set_guidelines(*, actor: User, campaign: Campaign, text: str) -> Guideline:
    """The next version of a campaign's guidelines; the same text again makes none."""
    require(actor, Role.LEAD)
    Campaign.objects.select_for_update().get(pk=campaign.pk)
    newest = campaign.guidelines.order_by("-number").first()
    if newest is not None and newest.text == text:
        return newest
    number = newest.number + 1 if newest else 1
    guideline = Guideline.objects.create(campaign=campaign, number=number, text=text, created_by=actor)
    audit.record(actor=actor, action="campaign.guidelines", target=campaign, number=number)
    return guideline
