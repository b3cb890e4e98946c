"""Pause drafting. A critic that cannot load or answer is tried again after growing waits, stored in the database."""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from annotation.models import Draft
from modelassist.models import Activation, FailedDraft

FIRST_WAIT = timedelta(minutes=1)
MAX_WAIT = timedelta(hours=1)
UNREADABLE_IN_A_ROW = 8
"""Drafting pauses after this many unreadable answers of the critic in a campaign, without a readable one since."""
_REASON_LENGTH = Activation._meta.get_field("paused_reason").max_length or 500


def select_due(now: datetime) -> Q:
    """Select the activations whose critic may be tried at `now`."""
    return Q(retry_at=None) | Q(retry_at__lte=now)


def compute_wait(failures: int) -> timedelta:
    """Compute the wait after this many failures in a row: one minute, doubled with each failure, at most an hour."""
    doublings = min(failures - 1, 10)
    return min(MAX_WAIT, FIRST_WAIT * float(2**doublings))


def pause(activation: Activation, reason: str) -> None:
    """Record that the critic itself failed, the reason, and when it is tried again."""
    failures = activation.failures + 1
    changed = _select_same(activation).update(
        paused_reason=reason[:_REASON_LENGTH], failures=failures, retry_at=timezone.now() + compute_wait(failures)
    )
    if changed and failures == 1:
        critic = str(activation.critic)
        audit.record(actor=None, action="drafting.paused", target=activation.campaign, critic=critic, reason=reason)


def end_pause(activation: Activation) -> None:
    """Record that the critic works again."""
    if _select_same(activation).exclude(failures=0).update(paused_reason="", failures=0, retry_at=None):
        critic = str(activation.critic)
        audit.record(actor=None, action="drafting.resumed", target=activation.campaign, critic=critic)


def describe_unreadable(activation: Activation) -> str:
    """Return why drafting must pause if the critic's newest answers could not be read; empty if it need not pause."""
    drafts = Draft.objects.filter(item__campaign=activation.campaign, critic=str(activation.critic))
    newest = drafts.order_by("-created_at").values_list("created_at", flat=True).first()
    answers = FailedDraft.objects.filter(critic=activation.critic, item__campaign=activation.campaign).exclude(text="")
    since = answers.filter(created_at__gt=newest) if newest else answers
    count = since.count()
    if count < UNREADABLE_IN_A_ROW:
        return ""
    last = since.order_by("-created_at", "-pk").values_list("error", flat=True).first() or ""
    return _("None of its last %(count)s answers could be read. The newest error: %(error)s.") % {
        "count": count,
        "error": last.rstrip("."),
    }


def _select_same(activation: Activation) -> QuerySet[Activation]:
    """Select the row, unless another critic was activated meanwhile."""
    return Activation.objects.filter(pk=activation.pk, critic=activation.critic_id)
