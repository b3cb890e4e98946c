"""The home page of a rater: where they can rate, how much is left, and what is new for them."""

from collections.abc import Iterable, Iterator

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.home import HomeCard, HomeLine, HomeSection
from accounts.models import User
from annotation.models import PanelParticipant, SavedWork
from annotation.raters.panels import count_rated
from annotation.rating.own_work import (
    OwnWork,
    SettledReport,
    list_excluded_work,
    read_own_minutes,
    read_own_work,
    read_settled_reports,
)
from annotation.shared.amounts import describe_minutes, group_digits
from qsave.words import isolate


def build_rating_sections(user: User, *, order: int = 0, says_no_work: bool = True) -> tuple[HomeSection, ...]:
    """Return where this person can rate, and what is new for them; for a guest, their part of a campaign.

    `says_no_work` shows the first section also if there is nothing to rate, and says so.
    """
    if user.is_guest:
        return (_build_guest_section(user),)
    work, now = read_own_work(user), timezone.now()
    reports, excluded = read_settled_reports(user, now), list_excluded_work(user, now)
    news = (*_list_new_guidelines(work), *map(_describe_report, reports), *map(_describe_excluded, excluded))
    cards = tuple(map(_build_card, work))
    no_work = _("No clip waits for you at the moment. A campaign appears here as soon as it has clips for you.")
    return (
        HomeSection(title=_("To rate"), cards=cards, empty=no_work if says_no_work else "", order=order),
        HomeSection(title=_("News"), lines=news, order=order + 1),
    )


def _build_card(work: OwnWork) -> HomeCard:
    title, page = work.campaign.title, reverse("rate", args=[work.campaign.name])
    if work.is_turned_away:
        return HomeCard(title, _("You did not pass its qualification. A lead can still admit you."), page, _("Details"))
    if work.to_qualify is not None:
        return HomeCard(title, _describe_qualification(work.to_qualify), page, _("Qualify"))
    action = _("Continue rating") if work.rated else _("Rate clips")
    if work.is_rounded:
        return HomeCard(title, _describe_rounded(work), page, action)
    total = work.rated + work.left
    share = work.rated / total if work.rated else None
    return HomeCard(title, _describe_own(work.rated, total, work.minutes), page, action, share)


def _describe_own(rated: int, total: int, minutes: int | None) -> str:
    values = {"rated": group_digits(rated), "total": group_digits(total)}
    if minutes is None:
        return _("You rated %(rated)s of %(total)s.") % values
    return _("You rated %(rated)s of %(total)s, %(time)s left.") % (values | {"time": describe_minutes(minutes)})


def _describe_rounded(work: OwnWork) -> str:
    values = {"rated": group_digits(work.rated), "left": group_digits(work.left)}
    if not work.left:
        return _("%(rated)s rated, fewer than 10 left.") % values
    if work.minutes is None:
        return _("%(rated)s rated, about %(left)s left.") % values
    return _("%(rated)s rated, about %(left)s left, %(time)s.") % (values | {"time": describe_minutes(work.minutes)})


def _describe_qualification(left: int) -> str:
    if not left:
        return _("You have to qualify first.")
    message = ngettext(
        "Qualify first: rate %(left)s clip whose scores are known.",
        "Qualify first: rate %(left)s clips whose scores are known.",
        left,
    )
    return message % {"left": left}


def _list_new_guidelines(work: Iterable[OwnWork]) -> Iterator[HomeLine]:
    for own in work:
        if own.guideline is not None:
            yield HomeLine(
                kind=_("Guidelines"),
                text=_("The guidelines of %(campaign)s have changed since your last clip.")
                % {"campaign": isolate(own.campaign)},
                url=reverse("rate-guidelines", args=[own.campaign.name]),
                action=_("Read version %(number)s") % {"number": own.guideline},
            )


def _describe_report(report: SettledReport) -> HomeLine:
    outcome = (
        _("A lead looked at your report: %(clip)s is taken out of %(campaign)s.")
        if report.is_excluded
        else _("A lead looked at your report: %(clip)s stays in %(campaign)s. Others rate it, you do not get it again.")
    )
    return HomeLine(
        kind=_("Your report"),
        text=outcome % {"clip": isolate(report.clip), "campaign": isolate(report.campaign)},
    )


def _describe_excluded(work: SavedWork) -> HomeLine:
    text = _("A lead took %(clip)s out of %(campaign)s while you rated it. What you typed is kept, in case it returns.")
    return HomeLine(
        kind=_("Excluded"),
        text=text % {"clip": isolate(work.item.clip), "campaign": isolate(work.item.campaign)},
    )


def _build_guest_section(user: User) -> HomeSection:
    participants = PanelParticipant.objects.filter(user=user).select_related("panel__campaign")
    cards = tuple(_build_guest_card(participant) for participant in participants)
    return HomeSection(title=_("Your part"), cards=cards, empty=_("Open the link that you were sent."))


def _build_guest_card(participant: PanelParticipant) -> HomeCard:
    panel, rated = participant.panel, count_rated(participant)
    if participant.completed_at is not None:
        text = _("You have rated your part: %(rated)s clips.") % {"rated": rated}
        return HomeCard(panel.campaign.title, text, reverse("panel-done"), _("Show completion code"), 1.0)
    minutes = read_own_minutes(participant.user, panel.campaign, panel.quota - rated)
    return HomeCard(
        title=panel.campaign.title,
        text=_describe_own(rated, panel.quota, minutes),
        url=reverse("rate", args=[panel.campaign.name]),
        action=_("Continue rating") if rated else _("Rate clips"),
        share=min(1.0, rated / panel.quota),
    )
