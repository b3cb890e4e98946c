"""Cards on the home page: campaigns to rate in, and campaigns and panels that need a lead."""

from collections.abc import Iterator

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.home import NEEDS_LEAD, HomeCard, HomeSection, home_cards
from accounts.models import Role, User
from annotation.campaigns.needs import QUIET_AFTER, Needs, read_needs
from annotation.campaigns.progress import Progress, count_rated_by_campaign, read_progress_by_campaign
from annotation.models import Campaign, Item, PanelParticipant
from annotation.raters.admission import list_rateable_campaigns
from annotation.raters.panels import count_rated, find_panels_without_lead
from annotation.rating import rater_news
from qsave.words import isolate

MAX_CARDS = 12
MOST_MINUTES = 90


@home_cards(Role.ANNOTATOR)
def build_rating_section(user: User) -> HomeSection:
    """Show the campaigns that this person can rate in, first those of their invitation; for a guest, their part."""
    if user.is_guest:
        return _build_guest_section(user)
    campaigns = [
        one for one, progress in _list_with_progress(list_rateable_campaigns(user)) if progress.done < progress.slots
    ]
    invited = rater_news.list_invited(user)
    campaigns.sort(key=lambda campaign: campaign.pk not in invited)
    rated = count_rated_by_campaign(user, campaigns)
    seconds = rater_news.read_usual_seconds(user)
    cards = [_build_rating_card(user, one, rated.get(one.pk, 0), seconds) for one in campaigns]
    return HomeSection(
        title=_("To rate"),
        cards=(*cards, *_build_news_cards(user, campaigns)),
        empty=_("There is nothing to rate. New clips appear here when a lead opens a campaign."),
        order=0,
    )


def _build_rating_card(user: User, campaign: Campaign, rated: int, seconds: float) -> HomeCard:
    ahead = rater_news.read_remainder(user, campaign, seconds)
    exact = 0 < ahead.left <= rater_news.MOST_COUNTED and not ahead.has_checks
    return HomeCard(
        title=campaign.title,
        text=f"{_describe_own_count(rated, ahead.left if exact else 0)} {_describe_minutes(ahead)}".strip(),
        url=reverse("rate", args=[campaign.name]),
        action=_("Continue rating") if rated else _("Rate clips"),
        share=rated / (rated + ahead.left) if exact else None,
    )


def _describe_own_count(rated: int, left: int) -> str:
    """Return the rater's own count, of all that they can rate if no hidden check could be told from that."""
    if left:
        message = _("You have rated %(rated)s of your %(count)s clips.")
        return message % {"rated": rated, "count": rated + left}
    if not rated:
        return _("You have not rated any clips here yet.")
    message = ngettext("You have rated %(rated)s clip here.", "You have rated %(rated)s clips here.", rated)
    return message % {"rated": rated}


def _describe_minutes(ahead: rater_news.Remainder) -> str:
    if ahead.left > rater_news.MOST_COUNTED:
        return _("More than %(most)s clips are left for you.") % {"most": rater_news.MOST_COUNTED}
    if not ahead.left:
        return _("Clips that you returned or that other raters hold may still come.")
    if ahead.minutes > MOST_MINUTES:
        hours = round(ahead.minutes / 60)
        return ngettext("About %(n)s hour is left.", "About %(n)s hours are left.", hours) % {"n": hours}
    message = ngettext("About %(n)s minute is left.", "About %(n)s minutes are left.", ahead.minutes)
    return message % {"n": ahead.minutes}


def _build_news_cards(user: User, campaigns: list[Campaign]) -> Iterator[HomeCard]:
    """Yield what has happened since the person last rated: new guidelines, settled reports, excluded clips."""
    changed = rater_news.list_new_guidelines(user, campaigns)
    for campaign in campaigns:
        if campaign.pk in changed:
            text = _("Its guidelines have changed since you last got a clip.")
            yield HomeCard(
                campaign.title, text, reverse("rate-guidelines", args=[campaign.name]), _("Read the guidelines")
            )
    for report in rater_news.list_settled_reports(user):
        is_out = report.item.availability == Item.Availability.EXCLUDED
        text = _("A lead took it out of the campaign.") if is_out else _("A lead gave it back to other raters.")
        title = _("Your report of %(clip)s is settled") % {"clip": isolate(report.item.clip)}
        yield HomeCard(title, text, reverse("rate", args=[report.item.campaign.name]), _("Continue rating"))
    for work in rater_news.list_excluded_work(user):
        title = _("%(clip)s needs no rating now") % {"clip": isolate(work.item.clip)}
        text = _("A lead took it out of the campaign while you were rating it. What you typed is kept.")
        yield HomeCard(title, text, reverse("rate", args=[work.item.campaign.name]), _("Continue rating"))


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
    """Show what waits for a lead: panels without one, and campaigns that need a decision or stand still."""
    states = (Campaign.State.DRAFT, Campaign.State.PAUSED, Campaign.State.OPEN)
    campaigns = _list_with_progress(Campaign.objects.filter(state__in=states))
    needs = read_needs(campaigns)
    cards = [card for one, progress in campaigns for card in _build_lead_cards(one, progress, needs[one.pk])]
    return HomeSection(
        title=_("Needs you"),
        cards=(*_build_panel_cards(), *cards),
        empty=_("Nothing waits for you: all campaigns are running. Create another one when there are new clips.")
        if campaigns
        else _("No campaign yet. Create the first one under Campaigns, then import clips."),
        order=NEEDS_LEAD,
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


def _build_lead_cards(campaign: Campaign, progress: Progress, needs: Needs) -> Iterator[HomeCard]:
    """Yield a card for the campaign's state, and one for each thing that it waits for."""
    title, clips = campaign.title, reverse("campaign-items", args=[campaign.name])
    card = _build_state_card(campaign, progress, needs)
    if card is not None:
        yield card
    if needs.reported:
        text = ngettext(
            "%(n)s clip is held back until you settle its reports.",
            "%(n)s clips are held back until you settle their reports.",
            needs.reported,
        )
        yield HomeCard(title, text % {"n": needs.reported}, f"{clips}?state=reported", _("Settle reports"))
    if needs.disputed:
        text = ngettext(
            "The raters of %(n)s clip disagree, and nobody has reviewed it.",
            "The raters of %(n)s clips disagree, and nobody has reviewed them.",
            needs.disputed,
        )
        disputed = f"{clips}?spread={campaign.disagreement_bound + 1}&sort=-spread"
        yield HomeCard(title, text % {"n": needs.disputed}, disputed, _("Look at disputed clips"))
    if needs.quiet:
        text = ngettext(
            "%(n)s rater has left a clip on the desk for %(days)s days.",
            "%(n)s raters have left a clip on the desk for %(days)s days.",
            needs.quiet,
        )
        text %= {"n": needs.quiet, "days": QUIET_AFTER.days}
        yield HomeCard(title, text, reverse("timesheet", args=[campaign.name]), _("See who rates"))


def _build_state_card(campaign: Campaign, progress: Progress, needs: Needs) -> HomeCard | None:
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
    if needs.is_stalled:
        text = _("It stands still: nobody has rated for %(days)s days.") % {"days": QUIET_AFTER.days}
        return HomeCard(campaign.title, text, page, _("See what it waits for"), progress.share)
    return None
