"""What this room puts on the home page: clips to rate, and campaigns to look after."""

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.home import HomeCard, HomeSection, home_cards
from accounts.models import Role, User
from annotation.campaigns.progress import Progress, count_rated_by_campaign, read_progress_by_campaign
from annotation.models import Campaign, PanelParticipant
from annotation.raters.admission import list_rateable_campaigns
from annotation.raters.panels import count_rated, find_panels_without_lead
from qsave.words import isolate

MOST = 12


@home_cards(Role.ANNOTATOR)
def to_rate(user: User) -> HomeSection:
    """Campaigns that are open for rating, to this person; for a guest, their part of one."""
    if user.is_guest:
        return _part_of_guest(user)
    found = _with_progress(list_rateable_campaigns(user))
    rated = count_rated_by_campaign(user, [campaign for campaign, _progress in found])
    return HomeSection(
        title=_("To rate"),
        cards=tuple(
            HomeCard(
                title=campaign.title,
                text=_rated_so_far(rated.get(campaign.pk, 0)),
                url=reverse("rate", args=[campaign.name]),
                action=_("Rate"),
            )
            for campaign, progress in found
            if progress.done < progress.slots
        ),
        empty=_("Nothing waits to be rated. New clips appear here as soon as a lead opens a campaign."),
        order=0,
    )


def _part_of_guest(user: User) -> HomeSection:
    found = PanelParticipant.objects.filter(user=user).select_related("panel__campaign")
    cards = [_guest_card(participant) for participant in found]
    empty = _("Come back by the link that you were sent.")
    return HomeSection(title=_("Your part"), cards=tuple(cards), empty=empty)


def _guest_card(participant: PanelParticipant) -> HomeCard:
    panel, rated, done = participant.panel, count_rated(participant), participant.completed_at is not None
    return HomeCard(
        title=panel.campaign.title,
        text=_("%(rated)s of %(quota)s rated.") % {"rated": rated, "quota": panel.quota},
        url=reverse("panel-done") if done else reverse("rate", args=[panel.campaign.name]),
        action=_("Completion code") if done else _("Continue rating"),
        share=min(1.0, rated / panel.quota),
    )


@home_cards(Role.LEAD)
def to_look_after(user: User) -> HomeSection:
    """Panels whose lead is gone, and campaigns that are not open yet, stand still, or are fully rated."""
    states = (Campaign.State.DRAFT, Campaign.State.PAUSED, Campaign.State.OPEN)
    found = _with_progress(Campaign.objects.filter(state__in=states))
    cards = [_lead_card(campaign, progress) for campaign, progress in found]
    return HomeSection(
        title=_("Campaigns to look after"),
        cards=(*_panels_to_take_over(), *(card for card in cards if card is not None)),
        empty=_("All campaigns run. Make another one under Campaigns when there are new clips to judge.")
        if found
        else _("No campaign yet. Make the first one under Campaigns, and bring clips into it."),
        order=10,
    )


def _panels_to_take_over() -> list[HomeCard]:
    return [
        HomeCard(
            title=_("Panel %(panel)s") % {"panel": isolate(panel)},
            text=_("%(lead)s, who made it, is no longer a lead. Its link still works.")
            % {"lead": isolate(panel.created_by)},
            url=reverse("panels", args=[panel.campaign.name]),
            action=_("Take over the panel"),
        )
        for panel in find_panels_without_lead()[:MOST]
    ]


def _with_progress(campaigns: QuerySet[Campaign]) -> list[tuple[Campaign, Progress]]:
    rows = list(campaigns.order_by("-pk")[:MOST])
    progress = read_progress_by_campaign(rows)
    return [(campaign, progress[campaign.pk]) for campaign in rows]


def _rated_so_far(rated: int) -> str:
    """The rater's own count. The campaign's would stand still at a hidden check and so point it out."""
    if not rated:
        return _("You have not rated here yet.")
    words = ngettext("You have rated %(rated)s clip here.", "You have rated %(rated)s clips here.", rated)
    return words % {"rated": rated}


def _lead_card(campaign: Campaign, progress: Progress) -> HomeCard | None:
    page = reverse("campaign", args=[campaign.name])
    if not progress.slots:
        return HomeCard(campaign.title, _("It has no clips yet."), page, _("Bring clips in"))
    if campaign.state == Campaign.State.DRAFT:
        return HomeCard(campaign.title, _("Its clips are in; raters do not see it yet."), page, _("Look and open"))
    if campaign.state == Campaign.State.PAUSED:
        return HomeCard(campaign.title, _("It is paused."), page, _("Open the campaign"), progress.share)
    if progress.done == progress.slots:
        agreement = reverse("agreement", args=[campaign.name])
        return HomeCard(campaign.title, _("Every rating asked for is in."), agreement, _("Look at agreement"), 1.0)
    return None
