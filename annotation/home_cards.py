"""Cards on the home page: campaigns to rate in, and campaigns and panels that need a lead."""

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

MAX_CARDS = 12


@home_cards(Role.ANNOTATOR)
def build_rating_section(user: User) -> HomeSection:
    """Show the campaigns that this person can rate in; for a guest, their part of one."""
    if user.is_guest:
        return _build_guest_section(user)
    campaigns = _list_with_progress(list_rateable_campaigns(user))
    rated = count_rated_by_campaign(user, [campaign for campaign, _progress in campaigns])
    return HomeSection(
        title=_("To rate"),
        cards=tuple(
            HomeCard(
                title=campaign.title,
                text=_describe_own_count(rated.get(campaign.pk, 0)),
                url=reverse("rate", args=[campaign.name]),
                action=_("Rate clips"),
            )
            for campaign, progress in campaigns
            if progress.done < progress.slots
        ),
        empty=_("There is nothing to rate. New clips appear here when a lead opens a campaign."),
        order=0,
    )


def _build_guest_section(user: User) -> HomeSection:
    participants = PanelParticipant.objects.filter(user=user).select_related("panel__campaign")
    cards = [_build_guest_card(participant) for participant in participants]
    empty = _("Open the link that you were sent.")
    return HomeSection(title=_("Your part"), cards=tuple(cards), empty=empty)


def _build_guest_card(participant: PanelParticipant) -> HomeCard:
    panel, rated, done = participant.panel, count_rated(participant), participant.completed_at is not None
    return HomeCard(
        title=panel.campaign.title,
        text=_("%(rated)s of %(quota)s rated.") % {"rated": rated, "quota": panel.quota},
        url=reverse("panel-done") if done else reverse("rate", args=[panel.campaign.name]),
        action=_("Show completion code") if done else _("Continue rating"),
        share=min(1.0, rated / panel.quota),
    )


@home_cards(Role.LEAD)
def build_lead_section(user: User) -> HomeSection:
    """Show panels without a lead, and campaigns that are drafts, paused, or fully rated."""
    states = (Campaign.State.DRAFT, Campaign.State.PAUSED, Campaign.State.OPEN)
    campaigns = _list_with_progress(Campaign.objects.filter(state__in=states))
    cards = [_build_lead_card(campaign, progress) for campaign, progress in campaigns]
    return HomeSection(
        title=_("Campaigns to look after"),
        cards=(*_build_panel_cards(), *(card for card in cards if card is not None)),
        empty=_("All campaigns are running. Create another one under Campaigns when there are new clips.")
        if campaigns
        else _("No campaign yet. Create the first one under Campaigns, then import clips."),
        order=10,
    )


def _build_panel_cards() -> list[HomeCard]:
    return [
        HomeCard(
            title=_("Panel %(panel)s") % {"panel": isolate(panel)},
            text=_("%(lead)s, who created it, is no longer a lead. Its link still works.")
            % {"lead": isolate(panel.created_by)},
            url=reverse("panels", args=[panel.campaign.name]),
            action=_("Take over the panel"),
        )
        for panel in find_panels_without_lead()[:MAX_CARDS]
    ]


def _list_with_progress(campaigns: QuerySet[Campaign]) -> list[tuple[Campaign, Progress]]:
    rows = list(campaigns.order_by("-pk")[:MAX_CARDS])
    progress = read_progress_by_campaign(rows)
    return [(campaign, progress[campaign.pk]) for campaign in rows]


def _describe_own_count(rated: int) -> str:
    """Return the rater's own count. The campaign's count does not rise at a hidden check and would reveal it."""
    if not rated:
        return _("You have not rated any clips here yet.")
    message = ngettext("You have rated %(rated)s clip here.", "You have rated %(rated)s clips here.", rated)
    return message % {"rated": rated}


def _build_lead_card(campaign: Campaign, progress: Progress) -> HomeCard | None:
    page = reverse("campaign", args=[campaign.name])
    if not progress.slots:
        return HomeCard(campaign.title, _("It has no clips yet."), page, _("Import clips"))
    if campaign.state == Campaign.State.DRAFT:
        return HomeCard(
            campaign.title, _("Its clips are imported. Raters do not see it yet."), page, _("Check and open")
        )
    if campaign.state == Campaign.State.PAUSED:
        return HomeCard(campaign.title, _("It is paused."), page, _("Go to the campaign"), progress.share)
    if progress.done == progress.slots:
        agreement = reverse("agreement", args=[campaign.name])
        return HomeCard(campaign.title, _("Every requested rating is done."), agreement, _("View agreement"), 1.0)
    return None
