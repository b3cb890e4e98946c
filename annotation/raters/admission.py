"""Decide who may rate in a campaign, and which campaigns and clips a person may see.

`accounts.access` decides who may open a page. `explain_refusal` runs at every claim; for an annotator in a campaign
that is open to everyone it makes no query.
"""

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Role, User
from annotation.models import Campaign, CampaignMember, Clip, Item, Panel, PanelParticipant, Slot


def explain_refusal(*, user: User, campaign: Campaign) -> str:
    """Return why this person may not rate in the campaign, as text for the page; empty if they may.

    A guest of an outside panel rates only in that panel's campaign, until the panel closes or their part is done.
    """
    if not user.is_active:
        return _("This account is closed. Ask a lead.")
    if user.is_guest:
        return _explain_refusal_of_guest(user, campaign)
    if campaign.open_to == Campaign.OpenTo.MEMBERS and not _is_member(user, campaign):
        return _("This campaign is open to members only. Ask its lead to add you.")
    return ""


def may_rate_now(*, user: User, campaign: Campaign) -> bool:
    """Return whether the campaign is open and this person may rate in it, so that a page may send them to its desk."""
    return campaign.state == Campaign.State.OPEN and not explain_refusal(user=user, campaign=campaign)


def list_rateable_campaigns(user: User) -> QuerySet[Campaign]:
    """Return the open campaigns that this person may rate in."""
    open_campaigns = list_readable_campaigns(user).filter(state=Campaign.State.OPEN)
    if user.is_guest:
        return open_campaigns
    membership = CampaignMember.objects.filter(campaign=OuterRef("pk"), user=user)
    return open_campaigns.filter(Q(open_to=Campaign.OpenTo.EVERYONE) | Exists(membership))


def list_campaigns_for(user: User) -> QuerySet[Campaign]:
    """Return the campaigns that lists show to this person: all to a lead, to others those that they may rate in."""
    return Campaign.objects.all() if user.has_role(Role.LEAD) else list_rateable_campaigns(user)


def list_readable_campaigns(user: User) -> QuerySet[Campaign]:
    """Return the campaigns that this person may open by name, also if they may not rate there now."""
    if user.has_role(Role.LEAD):
        return Campaign.objects.all()
    campaigns = Campaign.objects.exclude(state=Campaign.State.DRAFT)
    if not user.is_guest:
        return campaigns
    return campaigns.filter(Exists(Panel.objects.filter(campaign=OuterRef("pk"), participants__user=user)))


def list_visible_clips(user: User) -> QuerySet[Clip]:
    """Return the clips that this person may see.

    Leads see every clip. Others see the clips of campaigns that they may rate in now and the examples in guidelines
    that they may read, unless these are held back or excluded there, and the clips that they hold or have rated. They
    see no withdrawn clip.
    """
    if user.has_role(Role.LEAD):
        return Clip.objects.all()
    available = Item.objects.filter(clip=OuterRef("pk"), availability=Item.Availability.AVAILABLE)
    in_open = available.filter(campaign__in=list_rateable_campaigns(user))
    example = available.filter(
        campaign__in=list_readable_campaigns(user), campaign__guidelines__examples__clip=F("clip")
    )
    slot = Slot.objects.filter(item__clip=OuterRef("pk"), rater=user)
    return Clip.objects.filter(Q(Exists(in_open)) | Q(Exists(slot)) | Q(Exists(example)), withdrawn_at=None)


def _explain_refusal_of_guest(user: User, campaign: Campaign) -> str:
    participant = PanelParticipant.objects.select_related("panel").filter(user=user).first()
    if participant is None or participant.panel.campaign_id != campaign.pk:
        return _("Your link is for another campaign.")
    if participant.completed_at is not None:
        return _("You have rated all your clips. Thank you.")
    if participant.panel.closed_at is not None:
        return _("This panel is closed. Your ratings are saved.")
    return ""


def _is_member(user: User, campaign: Campaign) -> bool:
    return CampaignMember.objects.filter(user=user, campaign=campaign).exists()
