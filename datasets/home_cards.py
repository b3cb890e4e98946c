"""The card of the newest release on the home page of engineers."""

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.home import HomeCard, HomeSection, home_cards
from accounts.models import Role, User
from datasets.models import Release
from qsave.words import isolate

NEWEST = 2


@home_cards(Role.ENGINEER)
def build_releases(user: User) -> HomeSection:
    """Show the newest releases and their state."""
    releases = Release.objects.select_related("campaign").order_by("-number")[:NEWEST]
    return HomeSection(
        title=_("Releases"),
        cards=tuple(map(_make_card, releases)),
        empty=_("No release yet. Freeze one under Releases when a campaign has ratings."),
        order=20,
    )


def _make_card(release: Release) -> HomeCard:
    text = _("From %(campaign)s; it is %(state)s.") % {
        "campaign": isolate(release.campaign),
        "state": release.get_state_display().lower(),
    }
    return HomeCard(str(release), text, reverse("release", args=[release.number]), _("View release"))
