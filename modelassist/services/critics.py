"""Critics: taking a model in, and saying which one drafts for a campaign."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import Role, User
from annotation.models import Campaign
from annotation.services.permissions import require
from modelassist.bridge import model_name, stored_model
from modelassist.models import Activation, Critic, Run
from modelassist.services.drafting import enqueue_drafts
from modelassist.services.model_folder import check_model
from operations import audit

NO_PAUSE = {"paused_reason": "", "failures": 0, "retry_at": None}


@transaction.atomic
def register_critic(
    *,
    actor: User,
    name: str,
    model: str,
    run: Run | None = None,
    evaluation: Mapping[str, Any] | None = None,
    card: str = "",
    parent: Critic | None = None,
) -> Critic:
    """Take a model in as the next version of the critic `name`; raises NotAModel for what is no model."""
    require(actor, Role.ENGINEER)
    check_model(model)
    newest = Critic.objects.filter(name=name).aggregate(newest=Max("version"))["newest"] or 0
    critic = Critic(
        name=name,
        version=newest + 1,
        model=stored_model(model),
        run=run,
        parent=parent,
        evaluation=dict(evaluation or {}),
        card=card,
        created_by=actor,
    )
    critic.full_clean(exclude=["evaluation"])
    critic.save()
    audit.record(actor=actor, action="critic.registered", target=critic, model=critic.model)
    return critic


@transaction.atomic
def activate(*, actor: User, critic: Critic, campaign: Campaign) -> Activation:
    """Let this critic, and no other, draft for the campaign from now on; raises NotAModel if its files are gone."""
    require(actor, Role.LEAD)
    check_model(model_name(critic.model))
    activation, _ = Activation.objects.update_or_create(
        campaign=campaign, defaults={"critic": critic, "activated_by": actor, **NO_PAUSE}
    )
    _set_critic_active(campaign, True)
    audit.record(actor=actor, action="critic.activated", target=campaign, critic=str(critic))
    enqueue_drafts(actor=actor, campaign=campaign)
    return activation


@transaction.atomic
def deactivate(*, actor: User, campaign: Campaign) -> None:
    """Nobody drafts for the campaign any more; drafts made so far stay."""
    require(actor, Role.LEAD)
    removed, _ = Activation.objects.filter(campaign=campaign).delete()
    _set_critic_active(campaign, False)
    if removed:
        audit.record(actor=actor, action="critic.deactivated", target=campaign)


def _set_critic_active(campaign: Campaign, active: bool) -> None:
    """Store on the campaign whether a critic drafts for it: each new rating copies this fact."""
    Campaign.objects.filter(pk=campaign.pk).update(critic_active=active)
    campaign.critic_active = active


@transaction.atomic
def retry_now(*, actor: User, campaign: Campaign) -> bool:
    """Try a paused critic now instead of at the end of its pause. False if drafting is not paused."""
    require(actor, Role.LEAD)
    paused = Activation.objects.filter(campaign=campaign).exclude(retry_at=None)
    if not paused.update(retry_at=timezone.now()):
        return False
    audit.record(actor=actor, action="drafting.retried", target=campaign)
    enqueue_drafts(actor=actor, campaign=campaign)
    return True
