"""Who may rate in a campaign, and which campaigns and clips a person may see.

`why_not` runs at every claim. For an annotator in a campaign that is open to everyone it makes no query.
"""

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Role, User
from annotation.models import Campaign, CampaignMember, Clip, Item, Panel, PanelParticipant, Slot


def why_not(*, user: User, campaign: Campaign) -> str:
    """Why this person may not rate here, in words for the page; empty if they may.

    Who came with an outside panel rates in that panel's campaign alone, until it closes or their part is done.
    """
    if not user.is_active:
        return _("This account is closed. Ask a lead.")
    if user.is_guest:
        return _why_no_guest(user, campaign)
    if campaign.open_to == Campaign.OpenTo.MEMBERS and not _is_member(user, campaign):
        return _("This campaign is open to its members only. Its lead can add you.")
    return ""


def campaigns_for(user: User) -> QuerySet[Campaign]:
    """The open campaigns that this person may rate in: what lists of work are made of."""
    found = readable_campaigns(user).filter(state=Campaign.State.OPEN)
    if user.is_guest:
        return found
    mine = CampaignMember.objects.filter(campaign=OuterRef("pk"), user=user)
    return found.filter(Q(open_to=Campaign.OpenTo.EVERYONE) | Exists(mine))


def readable_campaigns(user: User) -> QuerySet[Campaign]:
    """The campaigns whose desk, words and guidelines this person may see, whether they may rate there now or not."""
    if user.has_role(Role.LEAD):
        return Campaign.objects.all()
    found = Campaign.objects.exclude(state=Campaign.State.DRAFT)
    if not user.is_guest:
        return found
    return found.filter(Exists(Panel.objects.filter(campaign=OuterRef("pk"), participants__user=user)))


def visible_clips(user: User) -> QuerySet[Clip]:
    """Return the clips that this person may see.

    Leads see every clip. Others see the clips of campaigns that they may rate in now and the examples in guidelines
    that they may read, unless these are held back or excluded there, and the clips that they hold or have rated.
    """
    if user.has_role(Role.LEAD):
        return Clip.objects.all()
    available = Item.objects.filter(clip=OuterRef("pk"), availability=Item.Availability.AVAILABLE)
    in_open = available.filter(campaign__in=campaigns_for(user))
    example = available.filter(campaign__in=readable_campaigns(user), campaign__guidelines__examples__clip=F("clip"))
    slot = Slot.objects.filter(item__clip=OuterRef("pk"), rater=user)
    return Clip.objects.filter(Q(Exists(in_open)) | Q(Exists(slot)) | Q(Exists(example)))


def _why_no_guest(user: User, campaign: Campaign) -> str:
    participant = PanelParticipant.objects.select_related("panel").filter(user=user).first()
    if participant is None or participant.panel.campaign_id != campaign.pk:
        return _("Your link is for another campaign.")
    if participant.completed_at is not None:
        return _("You have rated all that was asked of you. Thank you.")
    if participant.panel.closed_at is not None:
        return _("This panel is closed. What you have rated is kept.")
    return ""


def _is_member(user: User, campaign: Campaign) -> bool:
    return CampaignMember.objects.filter(user=user, campaign=campaign).exists()
