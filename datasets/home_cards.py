"""The home page of engineers: releases that failed, are being built, or are new."""

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.home import HomeCard, HomeLine, HomePart, HomeSection, Urgency, home_part
from accounts.models import Role, User
from datasets.models import Release
from datasets.needs import list_current_releases, list_damaged_releases, list_failed_releases
from datasets.services.withdrawal import count_withdrawn_clips
from qsave.words import isolate


@home_part(Role.ENGINEER)
def build_release_part(user: User) -> HomePart:
    now = timezone.now()
    needs = (*map(_describe_failed, list_failed_releases(now)), *map(_describe_damaged, list_damaged_releases(now)))
    needs += tuple(_describe_outdated(release, clips) for release, clips in count_withdrawn_clips())
    cards = tuple(map(_build_card, list_current_releases(now)))
    return HomePart(needs=needs, sections=(HomeSection(title=_("Releases"), cards=cards, order=20),))


def _describe_failed(release: Release) -> HomeLine:
    return HomeLine(
        kind=_("Failed"),
        text=_("Release %(release)s failed. Mend the cause, then freeze another.") % {"release": isolate(release)},
        url=reverse("release", args=[release.number]),
        action=_("View release"),
        urgency=Urgency.BROKEN,
        note=release.job.error if release.job else "",
    )


def _describe_damaged(release: Release) -> HomeLine:
    return HomeLine(
        kind=_("Damaged"),
        text=_("The files of release %(release)s differ from its manifest.") % {"release": isolate(release)},
        url=reverse("release", args=[release.number]),
        action=_("View problems"),
        urgency=Urgency.BROKEN,
    )


def _describe_outdated(release: Release, clips: int) -> HomeLine:
    text = ngettext(
        "Release %(release)s holds %(clips)s clip that was withdrawn since. Freeze another, then withdraw it.",
        "Release %(release)s holds %(clips)s clips that were withdrawn since. Freeze another, then withdraw it.",
        clips,
    )
    return HomeLine(
        kind=_("Withdrawn clips"),
        text=text % {"release": isolate(release), "clips": clips},
        url=reverse("release", args=[release.number]),
        action=_("View release"),
        urgency=Urgency.WAITING,
    )


def _build_card(release: Release) -> HomeCard:
    page = reverse("release", args=[release.number])
    campaign = {"campaign": isolate(release.campaign)}
    if release.state == Release.State.BUILDING:
        share = release.job.progress if release.job else None
        return HomeCard(
            str(release), _("It is being built from %(campaign)s.") % campaign, page, _("View progress"), share
        )
    return HomeCard(str(release), _("Frozen from %(campaign)s.") % campaign, page, _("View release"))
