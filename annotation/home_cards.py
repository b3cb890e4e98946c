"""The home page of raters and of leads: where to rate, what needs a lead, and how the campaigns go."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from math import ceil
from urllib.parse import urlencode

from django.db.models import Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.home import HomeCard, HomeLine, HomePart, HomeSection, Urgency, home_part, home_stamp
from accounts.models import Role, User
from annotation.campaigns.duplicate import COPY_CLIPS
from annotation.campaigns.needs import CampaignWork, is_finished, is_running, is_stalled, read_work
from annotation.campaigns.slots import UPDATE_SLOTS
from annotation.intake.upload_folders import IMPORT_CLIPS
from annotation.models import Campaign, Offer, RatingRevision, Skip
from annotation.raters.panels import find_panels_without_lead
from annotation.rating.outlook import MOST_CHECKED, Stranded, find_stranded
from annotation.rating.quiet_raters import find_quiet_raters
from annotation.rating.rater_home import build_rating_sections
from annotation.shared.amounts import group_digits
from operations.failures import list_failed_jobs
from qsave.words import isolate

MAX_CARDS = 12
MAX_NAMES = 2
FAILED = {
    IMPORT_CLIPS: gettext_lazy("An import of clips into %(campaign)s failed."),
    COPY_CLIPS: gettext_lazy("The copy of clips into %(campaign)s failed."),
    UPDATE_SLOTS: gettext_lazy("The update of the slots of %(campaign)s failed."),
}


@home_stamp
def read_newest_work(user: User) -> object:
    """Return the newest rating, skip and offer: what raters do writes no audit entry."""
    newest = (Subquery(model.objects.order_by("-pk").values("pk")[:1]) for model in (RatingRevision, Skip, Offer))
    return User.objects.filter(pk=user.pk).values_list(*newest).get()


@home_part(Role.ANNOTATOR)
def build_rating_part(user: User) -> HomePart:
    """Show where the person can rate: first for raters, last for leads."""
    is_lead = user.has_role(Role.LEAD)
    return HomePart(sections=build_rating_sections(user, order=40 if is_lead else 0, says_no_work=not is_lead))


@home_part(Role.LEAD)
def build_lead_part(user: User) -> HomePart:
    """Show what needs a lead, and how the open campaigns go."""
    now = timezone.now()
    work = read_work(now)
    running = [one for one in work if is_running(one)]
    needs = [line for one in work for line in _list_needs(one)]
    needs += [line for one in running[:MAX_CARDS] for line in _list_rater_needs(one, now)]
    needs += [*_list_panel_needs(), *_list_failed(work, now), *_list_first_steps(work)]
    cards = tuple(_build_card(one) for one in running[:MAX_CARDS])
    section = HomeSection(title=_("Running campaigns"), cards=cards, order=10)
    return HomePart(needs=tuple(needs), sections=(section,), calm=_describe_calm(running))


def _list_needs(work: CampaignWork) -> Iterator[HomeLine]:
    if work.reported:
        yield _describe_reported(work)
    if work.disputed:
        yield _describe_disputed(work)
    if is_finished(work):
        yield _describe_finished(work)
    yield from _list_state_needs(work)


def _list_rater_needs(work: CampaignWork, now: datetime) -> Iterator[HomeLine]:
    """Say whether a campaign that is running lacks raters: one line at most."""
    stranded = find_stranded(work.campaign) if work.open_slots <= MOST_CHECKED else None
    if stranded is not None:
        yield _describe_stranded(work.campaign, stranded)
    elif is_stalled(work, now):
        yield _describe_stalled(work, now)
    elif quiet := find_quiet_raters(work.campaign, work.open_clips, now):
        yield _describe_quiet(work.campaign, quiet)


def _list_state_needs(work: CampaignWork) -> Iterator[HomeLine]:
    campaign, page = work.campaign, reverse("campaign", args=[work.campaign.name])
    names = {"campaign": isolate(campaign), "done": work.done, "slots": work.slots}
    if campaign.state == Campaign.State.CLOSED:
        return
    if not work.slots:
        yield HomeLine(_("No clips"), _("%(campaign)s has no clips to rate yet.") % names, page, _("Import clips"))
    elif campaign.state == Campaign.State.DRAFT:
        text = _("%(campaign)s has its clips, but raters do not see it until you open it.")
        yield HomeLine(_("Draft"), text % names, page, _("Check and open"))
    elif campaign.state == Campaign.State.PAUSED:
        text = _("%(campaign)s is paused: %(done)s of %(slots)s ratings are done.")
        yield HomeLine(_("Paused"), text % names, page, _("Go to the campaign"))


def _describe_reported(work: CampaignWork) -> HomeLine:
    text = ngettext(
        "Raters reported %(count)s clip of %(campaign)s. It is held back until you settle the report.",
        "Raters reported %(count)s clips of %(campaign)s. They are held back until you settle the reports.",
        work.reported,
    )
    return HomeLine(
        kind=_("Reports"),
        text=text % {"count": work.reported, "campaign": isolate(work.campaign)},
        url=_link_clips(work.campaign, reports="on"),
        action=_("View reported clips"),
        urgency=Urgency.WAITING,
    )


def _describe_disputed(work: CampaignWork) -> HomeLine:
    text = ngettext(
        "Raters disagree on %(count)s clip of %(campaign)s, and no rating is left that could settle it.",
        "Raters disagree on %(count)s clips of %(campaign)s, and no rating is left that could settle them.",
        work.disputed,
    )
    return HomeLine(
        kind=_("Disputed"),
        text=text % {"count": work.disputed, "campaign": isolate(work.campaign)},
        url=reverse("review-queue", args=[work.campaign.name]),
        action=_("Review disputed clips"),
        urgency=Urgency.WAITING,
    )


def _describe_stranded(campaign: Campaign, stranded: Stranded) -> HomeLine:
    text = ngettext(
        "%(count)s slot of %(campaign)s is open, and nobody is left who may rate it. Invite raters, or close it.",
        "%(count)s slots of %(campaign)s are open, and nobody is left who may rate them. Invite raters, or close it.",
        stranded.slots,
    )
    return HomeLine(
        kind=_("Stalled"),
        text=text % {"count": stranded.slots, "campaign": isolate(campaign)},
        url=reverse("members", args=[campaign.name]),
        action=_("Invite raters"),
        urgency=Urgency.WAITING,
    )


def _describe_stalled(work: CampaignWork, now: datetime) -> HomeLine:
    days = (now - (work.last_rated_at or work.campaign.created_at)).days
    text = ngettext(
        "Nobody has rated in %(campaign)s for %(days)s day: %(count)s of %(slots)s ratings are open.",
        "Nobody has rated in %(campaign)s for %(days)s days: %(count)s of %(slots)s ratings are open.",
        days,
    )
    values = {"campaign": isolate(work.campaign), "days": days, "count": work.open_slots, "slots": work.slots}
    return HomeLine(
        kind=_("Stalled"),
        text=text % values,
        url=reverse("members", args=[work.campaign.name]),
        action=_("Invite raters"),
        urgency=Urgency.WAITING,
    )


def _describe_quiet(campaign: Campaign, quiet: list[User]) -> HomeLine:
    names = ", ".join(isolate(person) for person in quiet[:MAX_NAMES])
    more = len(quiet) - MAX_NAMES
    if more > 0:
        others = ngettext("%(names)s and %(more)s other", "%(names)s and %(more)s others", more)
        names = others % {"names": names, "more": more}
    text = ngettext(
        "%(names)s has stopped rating in %(campaign)s, while clips wait for them.",
        "%(names)s have stopped rating in %(campaign)s, while clips wait for them.",
        len(quiet),
    )
    return HomeLine(
        kind=_("Quiet"),
        text=text % {"names": names, "campaign": isolate(campaign)},
        url=reverse("timesheet", args=[campaign.name]),
        action=_("View timesheet"),
    )


def _describe_finished(work: CampaignWork) -> HomeLine:
    return HomeLine(
        kind=_("Finished"),
        text=_("Every rating of %(campaign)s is done. Look at the agreement, then close the campaign.")
        % {"campaign": isolate(work.campaign)},
        url=reverse("agreement", args=[work.campaign.name]),
        action=_("View agreement"),
    )


def _list_panel_needs() -> Iterator[HomeLine]:
    for panel in find_panels_without_lead()[:MAX_CARDS]:
        text = _("%(lead)s, who created the panel %(panel)s, is no longer a lead. Its link still works.")
        yield HomeLine(
            kind=_("Panel"),
            text=text % {"lead": isolate(panel.created_by), "panel": isolate(panel)},
            url=reverse("panels", args=[panel.campaign.name]),
            action=_("Take over the panel"),
            urgency=Urgency.WAITING,
        )


def _list_failed(work: Iterable[CampaignWork], now: datetime) -> Iterator[HomeLine]:
    campaigns = {one.campaign.pk: one.campaign for one in work}
    for job in list_failed_jobs(FAILED, subject="campaign", now=now):
        campaign = campaigns.get(job.arguments.get("campaign", 0))
        if campaign is not None:
            yield HomeLine(
                kind=_("Failed"),
                text=str(FAILED[job.kind]) % {"campaign": isolate(campaign)},
                url=reverse("campaign", args=[campaign.name]),
                action=_("Go to the campaign"),
                urgency=Urgency.BROKEN,
                note=job.error,
            )


def _list_first_steps(work: Iterable[CampaignWork]) -> Iterator[HomeLine]:
    """Say what to do on a site without a campaign, or where each is closed."""
    states = {one.campaign.state for one in work}
    if not states - {Campaign.State.CLOSED}:
        text = (
            _("No campaign is open, and none is being prepared.")
            if states
            else _("There is no campaign yet. Create one, then import clips, open it and invite raters.")
        )
        yield HomeLine(_("Start here"), text, reverse("campaign-new"), _("Create campaign"))


def _build_card(work: CampaignWork) -> HomeCard:
    done = _("%(done)s of %(slots)s ratings done.") % {
        "done": group_digits(work.done),
        "slots": group_digits(work.slots),
    }
    page = reverse("campaign", args=[work.campaign.name])
    text = f"{done} {_describe_pace(work)}".strip()
    return HomeCard(work.campaign.title, text, page, _("View progress"), work.share)


def _describe_pace(work: CampaignWork) -> str:
    if work.pace is None or round(work.pace) < 1:
        return ""
    days = ceil(work.open_slots / work.pace)
    message = ngettext(
        "Pace: about %(pace)s a day, so about %(days)s day is left.",
        "Pace: about %(pace)s a day, so about %(days)s days are left.",
        days,
    )
    return message % {"pace": group_digits(round(work.pace)), "days": group_digits(days)}


def _describe_calm(running: list[CampaignWork]) -> str:
    pace = round(sum(work.pace or 0 for work in running))
    message = ngettext(
        "Nothing needs you now. %(count)s campaign is running. Pace: about %(pace)s ratings a day.",
        "Nothing needs you now. %(count)s campaigns are running. Pace: about %(pace)s ratings a day.",
        len(running),
    )
    return message % {"count": len(running), "pace": group_digits(pace)}


def _link_clips(campaign: Campaign, **filters: str | int) -> str:
    """Return the address of the list of clips with these filters set."""
    return f"{reverse('campaign-items', args=[campaign.name])}?{urlencode(filters)}"
