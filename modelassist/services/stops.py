"""Stop rules: drafting stops by itself where drafts pull the ratings, or where they are worse than a constant.

Both rules need a 95% interval that lies entirely beyond the bound, so a few odd ratings stop nothing. A lead can resume
with a reason; the rule then leaves this critic alone until it is activated again.
"""

from collections.abc import Iterator

import numpy as np
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.agreement.answers import CountedAnswers, compare_arms, read_unscreened_answers
from annotation.models import Campaign, Draft
from annotation.rating.drafts import make_visible_condition
from annotation.shared.permissions import require_role
from modelassist.models import Activation, ActivationPeriod, DraftingStop, StopRules
from modelassist.reads.paired import compare_with_constant, read_drafted_scores
from qsave.axes import AXES, Axis
from qsave.statistics.anchoring import Anchoring
from qsave.statistics.evidence import LEAST_CLIPS
from qsave.statistics.figures import Estimate, Interval, Undefined

_REASON_LENGTH = DraftingStop._meta.get_field("reason").max_length or 500


class ReasonMissing(ValueError):
    """A lead must say why drafting resumes although a stop rule stopped it."""


def find_open_stop(activation: Activation) -> DraftingStop | None:
    """Return the stop that keeps the active critic from drafting, if there is one."""
    stops = DraftingStop.objects.filter(campaign=activation.campaign_id, critic=activation.critic_id, resumed_at=None)
    return stops.first()


def apply_stop_rules(activation: Activation) -> DraftingStop | None:
    """Return the open stop of the active critic; stop it first if a rule says so."""
    stop = find_open_stop(activation)
    if stop is not None:
        return stop
    waived = _list_waived_rules(activation)
    for rule, reason in _find_reasons(activation, waived):
        return _stop(activation, rule, reason)
    return None


@transaction.atomic
def resume(*, actor: User, campaign: Campaign, reason: str) -> bool:
    """Resume drafting although a rule stopped it; returns False if no rule did. Raises ReasonMissing."""
    require_role(actor, Role.LEAD)
    reason = " ".join(reason.split())[:_REASON_LENGTH]
    if not reason:
        raise ReasonMissing(_("Say why drafting resumes although the rule stopped it."))
    stops = DraftingStop.objects.filter(
        campaign=campaign, resumed_at=None, critic__in=Activation.objects.filter(campaign=campaign).values("critic")
    )
    if not stops.update(resumed_at=timezone.now(), resumed_by=actor, resume_reason=reason):
        return False
    audit.record(actor=actor, action="drafting.stop_overruled", target=campaign, reason=reason)
    return True


@transaction.atomic
def set_anchoring_bound(*, actor: User, campaign: Campaign, bound: float) -> None:
    """Set by how many levels drafts may pull ratings before drafting stops."""
    require_role(actor, Role.LEAD)
    before = read_anchoring_bound(campaign)
    StopRules.objects.update_or_create(campaign=campaign, defaults={"anchoring_bound": bound})
    if before != bound:
        audit.record(actor=actor, action="drafting.bound_set", target=campaign, before=before, after=bound)


def read_anchoring_bound(campaign: Campaign) -> float:
    rules = StopRules.objects.filter(campaign=campaign).first() or StopRules()
    return rules.anchoring_bound


@transaction.atomic
def _stop(activation: Activation, rule: str, reason: str) -> DraftingStop:
    stop, is_new = DraftingStop.objects.get_or_create(
        campaign=activation.campaign,
        critic=activation.critic,
        resumed_at=None,
        defaults={"rule": rule, "reason": reason[:_REASON_LENGTH]},
    )
    if is_new:
        critic = str(activation.critic)
        audit.record(actor=None, action="drafting.stopped", target=activation.campaign, critic=critic, reason=reason)
    return stop


def _list_waived_rules(activation: Activation) -> set[str]:
    """List the rules that a lead overruled since the critic was activated."""
    later = ActivationPeriod.objects.filter(
        campaign=OuterRef("campaign"), ended_at=None, started_at__gt=OuterRef("resumed_at")
    )
    stops = DraftingStop.objects.filter(campaign=activation.campaign, critic=activation.critic)
    return set(stops.exclude(resumed_at=None).exclude(Exists(later)).values_list("rule", flat=True))


def _find_reasons(activation: Activation, waived: set[str]) -> Iterator[tuple[str, str]]:
    """Yield each rule that says stop, with its reason."""
    if not Draft.objects.filter(item__campaign=activation.campaign, critic=str(activation.critic)).exists():
        return
    answers = read_unscreened_answers(activation.campaign)
    if DraftingStop.Rule.ANCHORING not in waived:
        reason = _describe_anchoring(activation, answers)
        if reason:
            yield DraftingStop.Rule.ANCHORING, reason
    if DraftingStop.Rule.CONSTANT not in waived:
        reason = _describe_worse(activation)
        if reason:
            yield DraftingStop.Rule.CONSTANT, reason


def _describe_anchoring(activation: Activation, answers: CountedAnswers) -> str:
    """Say on which axis the drafts of the active critic pull ratings by more than the bound; empty if on none."""
    bound = read_anchoring_bound(activation.campaign)
    for axis in AXES:
        anchoring = measure_pull(activation, answers, axis)
        if anchoring.items < LEAST_CLIPS:
            continue
        for estimate, is_beyond, what in (
            (
                anchoring.nearer,
                _lies_above(anchoring.nearer, bound),
                _("%(axis)s: assisted ratings are nearer to the draft than blind ones by %(figure)s levels;"),
            ),
            (
                anchoring.difference,
                _lies_above(anchoring.difference, bound) or _lies_above(_negate(anchoring.difference), bound),
                _("%(axis)s: assisted ratings differ from blind ones by %(figure)s levels;"),
            ),
        ):
            if is_beyond:
                allowed = _("this campaign allows %(bound)s (%(clips)s clips).")
                figure = what % {"axis": axis.value.capitalize(), "figure": _write(estimate)}
                return f"{figure} {allowed % {'bound': f'{bound:.2f}', 'clips': anchoring.items}}"
    return ""


def measure_pull(activation: Activation, answers: CountedAnswers, axis: Axis) -> Anchoring:
    """Measure anchoring on one axis from blind ratings and from those with a draft of the active critic."""
    drafts = Draft.objects.filter(item__campaign=activation.campaign, critic=str(activation.critic))
    own = list(drafts.filter(make_visible_condition(activation.campaign, axis)).values_list("pk", flat=True))
    ratings = answers.ratings
    counts = np.where(ratings.is_assisted, np.isin(ratings.draft, own), ratings.is_blind)
    rated = answers.on_axis(axis)
    scores = read_drafted_scores(activation.campaign, activation.critic)[axis]
    return compare_arms(rated.keep(counts[rated.rating]), scores)


def _describe_worse(activation: Activation) -> str:
    """Say on which axis the active critic is worse than the constant; empty if on none."""
    for line in compare_with_constant(activation.campaign, activation.critic):
        if line.gain is not None and isinstance(line.gain.rmse.interval, Interval) and line.gain.rmse.interval.high < 0:
            return _(
                "%(axis)s: the critic is worse than the constant (the mean of other clips): its RMSE to blind ratings"
                " is higher by %(figure)s levels (%(clips)s)."
            ) % {
                "axis": line.axis.value.capitalize(),
                "figure": _write(_negate(line.gain.rmse)),
                "clips": line.gain.counts,
            }
    return ""


def _lies_above(estimate: Estimate, bound: float) -> bool:
    return isinstance(estimate.interval, Interval) and estimate.interval.low > bound


def _negate(estimate: Estimate) -> Estimate:
    value, interval = estimate.value, estimate.interval
    turned = Interval(-interval.high, -interval.low) if isinstance(interval, Interval) else interval
    return Estimate(value if isinstance(value, Undefined) else -value, turned)


def _write(estimate: Estimate) -> str:
    """Write a figure with its interval: `0.81 [0.62, 1.00]`."""
    interval = estimate.interval
    ends = f" [{interval.low:.2f}, {interval.high:.2f}]" if isinstance(interval, Interval) else ""
    return f"{estimate.value:.2f}{ends}" if not isinstance(estimate.value, Undefined) else str(estimate.value)
