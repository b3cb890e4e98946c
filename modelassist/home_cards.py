"""The home page: drafting that is paused, and for engineers training runs and the critics that draft."""

from collections.abc import Iterator
from datetime import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.home import HomeCard, HomeLine, HomePart, HomeSection, Urgency, home_part
from accounts.models import Role, User
from modelassist.models import Activation, DraftingStop, Run
from modelassist.reads.needs import (
    list_current_runs,
    list_failed_runs,
    list_paused_drafting,
    list_running_drafting,
    list_stopped_drafting,
)
from modelassist.services.adding import KIND as ADD_CRITIC
from operations.failures import list_failed_jobs
from operations.models import JobState
from qsave.words import isolate


@home_part(Role.LEAD)
def build_drafting_part(user: User) -> HomePart:
    stops = map(_describe_stop, list_stopped_drafting())
    return HomePart(needs=(*map(_describe_pause, list_paused_drafting()), *stops))


@home_part(Role.ENGINEER)
def build_training_part(user: User) -> HomePart:
    now = timezone.now()
    runs = tuple(map(_build_run_card, list_current_runs(now)))
    drafting = tuple(map(_build_drafting_card, list_running_drafting()))
    return HomePart(
        needs=(*map(_describe_failed_run, list_failed_runs(now)), *_list_failed_additions(now)),
        sections=(
            HomeSection(title=_("Training"), cards=runs, order=21),
            HomeSection(title=_("Drafting"), cards=drafting, order=22),
        ),
    )


def _describe_pause(activation: Activation) -> HomeLine:
    names = {"critic": isolate(activation.critic), "campaign": isolate(activation.campaign)}
    when = date_format(timezone.localtime(activation.retry_at), "H:i") if activation.retry_at else ""
    text = _("%(critic)s cannot draft for %(campaign)s. The site tries again at %(when)s.")
    return HomeLine(
        kind=_("Drafting paused"),
        text=text % (names | {"when": when}),
        url=reverse("drafting", args=[activation.campaign.name]),
        action=_("View drafting"),
        urgency=Urgency.BROKEN,
        note=activation.paused_reason,
    )


def _describe_stop(stop: DraftingStop) -> HomeLine:
    names = {"critic": isolate(stop.critic), "campaign": isolate(stop.campaign)}
    return HomeLine(
        kind=_("Drafting stopped"),
        text=_("A rule stopped %(critic)s in %(campaign)s.") % names,
        url=reverse("drafting", args=[stop.campaign.name]),
        action=_("View drafting"),
        urgency=Urgency.WAITING,
        note=stop.reason,
    )


def _describe_failed_run(run: Run) -> HomeLine:
    return HomeLine(
        kind=_("Failed"),
        text=_("Run %(number)s on %(release)s failed.") % {"number": run.pk, "release": isolate(run.release)},
        url=reverse("run", args=[run.pk]),
        action=_("View run"),
        urgency=Urgency.BROKEN,
        note=run.job.error if run.job else "",
    )


def _list_failed_additions(now: datetime) -> Iterator[HomeLine]:
    for job in list_failed_jobs([ADD_CRITIC], subject="name", now=now):
        yield HomeLine(
            kind=_("Failed"),
            text=_("The model of %(critic)s could not be loaded.") % {"critic": isolate(job.arguments.get("name", ""))},
            url=reverse("critics"),
            action=_("Add it again"),
            urgency=Urgency.BROKEN,
            note=job.error,
        )


def _build_run_card(run: Run) -> HomeCard:
    title = _("Run %(number)s on %(release)s") % {"number": run.pk, "release": isolate(run.release)}
    page = reverse("run", args=[run.pk])
    critic = next(iter(run.critics.all()), None)
    if critic is not None:
        text, address = _("It produced %(critic)s."), reverse("critic", args=[critic.pk])
        return HomeCard(title, text % {"critic": isolate(critic)}, address, _("View critic"))
    if run.job is None or run.job.state == JobState.DONE:
        return HomeCard(title, _("It is done."), page, _("View run"))
    if run.job.state == JobState.QUEUED:
        return HomeCard(title, _("It waits for a worker."), page, _("View run"))
    return HomeCard(title, _("It is training."), page, _("View run"), run.job.progress)


def _build_drafting_card(activation: Activation) -> HomeCard:
    text = _("It drafts for %(campaign)s.") % {"campaign": isolate(activation.campaign)}
    critic = activation.critic
    return HomeCard(str(critic), text, reverse("critic", args=[critic.pk]), _("View critic"))
