"""Critics: registering one as a version, and choosing which critic drafts for a campaign."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.models import Campaign, Draft
from annotation.rating.drafts import set_active_critic
from annotation.shared.permissions import require_role
from modelassist.bridge import list_defects, resolve_model, shorten_model_path
from modelassist.engine.evaluation.readable import count_readable
from modelassist.engine.models.folder import check_model, read_critic_settings
from modelassist.models import Activation, ActivationPeriod, Critic, Run
from modelassist.services.cards import read_card, read_licence
from modelassist.services.consent import find_host, give_consent, has_consent
from modelassist.services.drafting import enqueue_drafts
from modelassist.services.versions import compute_prompt_version, compute_taxonomy_version
from qsave.run.evaluation import Evaluation
from qsave.words import isolate

WITH_WEIGHTS = frozenset({Critic.Kind.ENGINE, Critic.Kind.STARTER})
NO_PAUSE = {"paused_reason": "", "failures": 0, "retry_at": None}


class NothingToRollBackTo(ValueError):
    """The campaign had no other critic before."""


class ConsentMissing(ValueError):
    """An endpoint critic would send clips to a host for which no lead agreed yet; the message asks for consent."""

    def __init__(self, host: str, message: str) -> None:
        super().__init__(message)
        self.host = host


class LearnedFromSimulated(ValueError):
    """A critic trained on simulated data would draft for real clips; the message asks for a confirmation."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a critic learned from: its training run, the critic from which that run started, and simulated data."""

    run: Run | None = None
    parent: Critic | None = None
    simulated: bool = False
    """Set for a critic that learned from simulated data although neither its run nor parent nor folder says so."""

    @property
    def is_simulated(self) -> bool:
        return (
            self.simulated
            or (self.run is not None and (self.run.release.is_simulated or self.run.release.campaign.is_simulated))
            or (self.parent is not None and self.parent.learned_from_simulated)
        )


@dataclass(frozen=True, slots=True)
class Papers:
    """What is written about a critic. What is empty is read from its model folder, if that says it."""

    evaluation: Mapping[str, Any] | None = None
    card: str = ""
    licence: str = ""


@transaction.atomic
def register_critic(
    *,
    actor: User,
    name: str,
    model: str,
    kind: str = Critic.Kind.ENGINE,
    lineage: Lineage = Lineage(),  # it is frozen
    papers: Papers = Papers(),
) -> Critic:
    """Register a model as the next version of the critic `name`; raises ModelError if it cannot be loaded here."""
    require_role(actor, Role.ENGINEER)
    folder = check_model(model)
    critic = Critic(
        name=name,
        kind=kind,
        origin=_find_origin(kind, lineage, is_folder=folder is not None),
        model=shorten_model_path(model),
        run=lineage.run,
        parent=lineage.parent,
        learned_from_simulated=lineage.is_simulated or read_critic_settings(folder).simulated,
        prompt_version=compute_prompt_version(),
        taxonomy_version=compute_taxonomy_version(list_defects(lineage.run.release.campaign)) if lineage.run else "",
        evaluation=dict(papers.evaluation or {}),
        card=papers.card or read_card(folder),
        licence=papers.licence or read_licence(folder),
    )
    return store_version(actor=actor, critic=critic)


def _find_origin(kind: str, lineage: Lineage, *, is_folder: bool) -> str:
    if lineage.run is not None:
        return Critic.Origin.RUN
    if kind == Critic.Kind.STARTER:
        return Critic.Origin.BUILT_IN
    return Critic.Origin.FOLDER if is_folder else Critic.Origin.HUB


@transaction.atomic
def store_version(*, actor: User | None, critic: Critic) -> Critic:
    """Store a critic as the next version of its name; the actor is None if the site made it."""
    newest = Critic.objects.filter(name=critic.name).aggregate(newest=Max("version"))["newest"] or 0
    critic.version, critic.created_by = newest + 1, actor
    critic.full_clean(exclude=["evaluation"])
    critic.save()
    audit.record(actor=actor, action="critic.registered", target=critic, model=critic.model, kind=critic.kind)
    return critic


@transaction.atomic
def activate(
    *, actor: User, critic: Critic, campaign: Campaign, accepts_simulated: bool = False, consents_to: str = ""
) -> Activation:
    """Make this critic the only one that drafts for the campaign and whose drafts raters are shown from now on.

    Raises ModelError if its files cannot be loaded. Raises LearnedFromSimulated, unless `accepts_simulated`, if it
    learned from simulated data and the campaign is not simulated. Raises ConsentMissing if it sends clips to a host,
    unless a lead agreed to that host before or `consents_to` names it.
    """
    require_role(actor, Role.LEAD)
    if critic.kind in WITH_WEIGHTS:
        check_model(resolve_model(critic.model))
    is_foreign = critic.learned_from_simulated and not campaign.is_simulated
    if is_foreign and not accepts_simulated:
        raise LearnedFromSimulated(describe_simulated(critic, campaign))
    check_consent(actor, critic, campaign, consents_to)
    activation = set_active(actor=actor, critic=critic, campaign=campaign)
    enqueue_drafts(actor=actor, campaign=campaign)
    return activation


@transaction.atomic
def set_active(*, actor: User, critic: Critic, campaign: Campaign) -> Activation:
    """Store that this critic drafts for the campaign from now on, without a check and without queueing drafts."""
    activation, _created = Activation.objects.update_or_create(
        campaign=campaign, defaults={"critic": critic, "activated_by": actor, **NO_PAUSE}
    )
    _end_period(actor, campaign)
    ActivationPeriod.objects.create(campaign=campaign, critic=critic, started_by=actor, started_at=timezone.now())
    set_active_critic(campaign, str(critic))
    is_foreign = critic.learned_from_simulated and not campaign.is_simulated
    audit.record(actor=actor, action="critic.activated", target=campaign, critic=str(critic), simulated=is_foreign)
    return activation


def check_consent(actor: User, critic: Critic, campaign: Campaign, consents_to: str) -> None:
    """Give the consent that `consents_to` names; raise ConsentMissing if the critic needs one that nobody gave."""
    host = find_host(critic)
    if not host or has_consent(campaign, host):
        return
    if consents_to != host:
        message = _("%(critic)s sends the clips of %(campaign)s to %(host)s. Do you agree to that?")
        names = {"critic": isolate(critic), "campaign": isolate(campaign), "host": isolate(host)}
        raise ConsentMissing(host, message % names)
    give_consent(actor=actor, campaign=campaign, host=host)


@transaction.atomic
def roll_back(*, actor: User, campaign: Campaign) -> Activation:
    """Activate the critic that drafted for the campaign before the present one. Raises what `activate` raises, and
    NothingToRollBackTo.

    A confirmation for a critic of simulated data was given when it drafted here; consent must still be in force.
    """
    require_role(actor, Role.LEAD)
    critic = find_previous_critic(campaign)
    if critic is None:
        raise NothingToRollBackTo(_("No other critic drafted for this campaign before."))
    activation = activate(actor=actor, critic=critic, campaign=campaign, accepts_simulated=True)
    audit.record(actor=actor, action="critic.rolled_back", target=campaign, critic=str(critic))
    return activation


def find_previous_critic(campaign: Campaign) -> Critic | None:
    """Return the critic that drafted before the active one, or the last one if none is active."""
    active = Activation.objects.filter(campaign=campaign).values("critic")
    ended = ActivationPeriod.objects.filter(campaign=campaign).exclude(ended_at=None).exclude(critic__in=active)
    period = ended.select_related("critic").order_by("-ended_at", "-pk").first()
    return period.critic if period else None


@transaction.atomic
def deactivate(*, actor: User, campaign: Campaign) -> None:
    """Stop drafting for the campaign. Drafts stay stored, and only raters who were shown one see it again."""
    require_role(actor, Role.LEAD)
    removed, _ = Activation.objects.filter(campaign=campaign).delete()
    _end_period(actor, campaign)
    set_active_critic(campaign, "")
    if removed:
        audit.record(actor=actor, action="critic.deactivated", target=campaign)


def _end_period(actor: User, campaign: Campaign) -> None:
    open_periods = ActivationPeriod.objects.filter(campaign=campaign, ended_at=None)
    open_periods.update(ended_at=timezone.now(), ended_by=actor)


def describe_simulated(critic: Critic, campaign: Campaign) -> str:
    """Say why a critic trained on simulated data needs a confirmation, and how many of its answers could be read."""
    return _(
        "%(critic)s learned from simulated data, and %(campaign)s is not simulated: what it drafts may be noise."
        " %(readable)s"
    ) % {"critic": isolate(critic), "campaign": isolate(campaign), "readable": describe_readable(critic)}


def describe_readable(critic: Critic) -> str:
    """Say how many of a critic's answers could be read: on real clips if there are any, else in its evaluation."""
    real = {"item__campaign__is_simulated": False}
    drafts = Draft.objects.filter(critic=str(critic), **real)
    silent = drafts.filter(proposal={}).count()
    proposing = drafts.count() - silent
    answers = proposing + silent + critic.failed_drafts.filter(**real).exclude(text="").count()
    if answers:
        return _(
            "Of its %(answers)s answers about clips that are not simulated, %(proposing)s proposed something"
            " (%(share)s%%), %(silent)s proposed nothing, and %(unreadable)s could not be read."
        ) % {
            "answers": answers,
            "proposing": proposing,
            "share": round(100 * proposing / answers),
            "silent": silent,
            "unreadable": answers - proposing - silent,
        }
    measured = count_readable(Evaluation.from_json(critic.evaluation))
    if measured is None:
        return _("How many of its answers can be read was never measured.")
    return _(
        "On held-out simulated clips %(read)s of its %(answers)s answers could be read (%(share)s%%);"
        " on clips that are not simulated this was never measured."
    ) % {
        "answers": measured.answers,
        "read": measured.readable,
        "share": round(100 * measured.readable / measured.answers),
    }


@transaction.atomic
def retry_now(*, actor: User, campaign: Campaign) -> bool:
    """Try a paused critic now instead of at the end of its pause; returns False if drafting is not paused."""
    require_role(actor, Role.LEAD)
    paused = Activation.objects.filter(campaign=campaign).exclude(retry_at=None)
    if not paused.update(retry_at=timezone.now()):
        return False
    audit.record(actor=actor, action="drafting.retried", target=campaign)
    enqueue_drafts(actor=actor, campaign=campaign)
    return True
