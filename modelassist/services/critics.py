"""Critics: registering a model as a version, and choosing which critic drafts for a campaign."""

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
from annotation.shared.permissions import require_role
from modelassist.bridge import resolve_model, shorten_model_path
from modelassist.engine.evaluation.readable import count_readable
from modelassist.engine.models.folder import check_model, read_critic_settings
from modelassist.models import Activation, Critic, Run
from modelassist.services.drafting import enqueue_drafts
from qsave.run.evaluation import Evaluation
from qsave.words import isolate


class LearnedFromSimulated(ValueError):
    """A critic trained on simulated data would draft for real clips; the message asks for a confirmation."""


NO_PAUSE = {"paused_reason": "", "failures": 0, "retry_at": None}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a critic comes from: its training run, the critic from which that run started, and simulated data."""

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


@transaction.atomic
def register_critic(
    *,
    actor: User,
    name: str,
    model: str,
    origin: Origin = Origin(),  # it is frozen
    evaluation: Mapping[str, Any] | None = None,
    card: str = "",
) -> Critic:
    """Register a model as the next version of the critic `name`; raises ModelError if it cannot be loaded here."""
    require_role(actor, Role.ENGINEER)
    folder = check_model(model)
    newest = Critic.objects.filter(name=name).aggregate(newest=Max("version"))["newest"] or 0
    critic = Critic(
        name=name,
        version=newest + 1,
        model=shorten_model_path(model),
        run=origin.run,
        parent=origin.parent,
        learned_from_simulated=origin.is_simulated or read_critic_settings(folder).simulated,
        evaluation=dict(evaluation or {}),
        card=card,
        created_by=actor,
    )
    critic.full_clean(exclude=["evaluation"])
    critic.save()
    audit.record(actor=actor, action="critic.registered", target=critic, model=critic.model)
    return critic


@transaction.atomic
def activate(*, actor: User, critic: Critic, campaign: Campaign, accepts_simulated: bool = False) -> Activation:
    """Make this critic the only one that drafts for the campaign.

    Raises ModelError if its files cannot be loaded. Raises LearnedFromSimulated, unless `accepts_simulated`, if it
    learned from simulated data and the campaign is not simulated.
    """
    require_role(actor, Role.LEAD)
    check_model(resolve_model(critic.model))
    is_foreign = critic.learned_from_simulated and not campaign.is_simulated
    if is_foreign and not accepts_simulated:
        raise LearnedFromSimulated(describe_simulated(critic, campaign))
    activation, _created = Activation.objects.update_or_create(
        campaign=campaign, defaults={"critic": critic, "activated_by": actor, **NO_PAUSE}
    )
    _set_critic_active(campaign, True)
    audit.record(actor=actor, action="critic.activated", target=campaign, critic=str(critic), simulated=is_foreign)
    enqueue_drafts(actor=actor, campaign=campaign)
    return activation


@transaction.atomic
def deactivate(*, actor: User, campaign: Campaign) -> None:
    """Stop drafting for the campaign; the drafts made so far stay."""
    require_role(actor, Role.LEAD)
    removed, _ = Activation.objects.filter(campaign=campaign).delete()
    _set_critic_active(campaign, False)
    if removed:
        audit.record(actor=actor, action="critic.deactivated", target=campaign)


def describe_simulated(critic: Critic, campaign: Campaign) -> str:
    """Say why a critic trained on simulated data needs a confirmation, and how many of its answers could be read."""
    return _(
        "%(critic)s learned from simulated data, and %(campaign)s is not simulated: what it drafts may be noise."
        " %(readable)s"
    ) % {"critic": isolate(critic), "campaign": isolate(campaign), "readable": describe_readable(critic)}


def describe_readable(critic: Critic) -> str:
    """Say how many of a critic's answers could be read: on real clips if there are any, else in its evaluation."""
    real = {"item__campaign__is_simulated": False}
    read = Draft.objects.filter(critic=str(critic), **real).count()
    answers = read + critic.failed_drafts.filter(**real).exclude(text="").count()
    if answers:
        return _(
            "Of its %(answers)s answers about clips that are not simulated, %(read)s could be read (%(share)s%%)."
        ) % {
            "answers": answers,
            "read": read,
            "share": round(100 * read / answers),
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


def _set_critic_active(campaign: Campaign, active: bool) -> None:
    """Store on the campaign whether a critic drafts for it; each new rating copies this value."""
    Campaign.objects.filter(pk=campaign.pk).update(critic_active=active)
    campaign.critic_active = active


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
