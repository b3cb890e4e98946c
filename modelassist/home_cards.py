"""The cards of training runs on the home page."""

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.home import NEEDS_LEAD, HomeCard, HomeSection, home_cards
from accounts.models import Role, User
from modelassist.models import Activation, Run
from operations.models import JobState
from qsave.words import isolate

NEWEST = 3
MAX_PAUSED = 12


@home_cards(Role.ENGINEER)
def training(user: User) -> HomeSection:
    """List the newest runs and their critics."""
    runs = Run.objects.select_related("job", "release").prefetch_related("critics")[:NEWEST]
    return HomeSection(
        title=_("Training"),
        cards=tuple(_make_card(run) for run in runs),
        empty=_("No run yet. Freeze a release under Releases, then start a run under Training."),
        order=30,
    )


@home_cards(Role.LEAD)
def build_paused_drafting(user: User) -> HomeSection:
    """Show the campaigns whose drafting is paused."""
    paused = Activation.objects.exclude(retry_at=None).select_related("campaign", "critic").order_by("pk")[:MAX_PAUSED]
    cards = [
        HomeCard(
            activation.campaign.title,
            _("Drafting by %(critic)s is paused: %(reason)s")
            % {"critic": isolate(activation.critic), "reason": activation.paused_reason},
            reverse("campaign", args=[activation.campaign.name]),
            _("Look at drafting"),
        )
        for activation in paused
    ]
    return HomeSection("", tuple(cards), "", NEEDS_LEAD)


def _make_card(run: Run) -> HomeCard:
    title, page = (
        _("Run %(number)s on %(release)s") % {"number": run.pk, "release": isolate(run.release)},
        reverse("run", args=[run.pk]),
    )
    critic = next(iter(run.critics.all()), None)
    if critic is not None:
        return HomeCard(
            title,
            _("It produced %(critic)s.") % {"critic": isolate(critic)},
            reverse("critic", args=[critic.pk]),
            _("View %(critic)s") % {"critic": isolate(critic)},
        )
    state = run.job.state if run.job else _("not started")
    share = run.job.progress if run.job and run.job.state == JobState.RUNNING else None
    return HomeCard(title, _("It is %(state)s.") % {"state": state}, page, _("View run"), share)
