"""Read what the Drafting page of a campaign shows: the active critic, its backlog, and why it does not draft."""

from dataclasses import dataclass
from statistics import median

from annotation.models import Campaign, Draft
from annotation.rating.drafts import select_current_drafts
from modelassist.models import Activation, ActivationPeriod, Consent, Critic, DetectorFit, DraftingStop, FailedDraft
from modelassist.services.consent import find_host
from modelassist.services.critics import find_previous_critic
from modelassist.services.drafting import KIND, select_failures, select_waiting_items
from modelassist.services.fitting import FIT_SCORES, count_rated
from modelassist.services.stops import find_open_stop, read_anchoring_bound
from operations.models import Job

SHOWN_FAILURES = 50
SHOWN_PERIODS = 20
NEWEST_JOBS = 20
NEWEST_DRAFTS = 100


@dataclass(frozen=True, slots=True)
class Backlog:
    """What the active critic has done in a campaign, and what it has to do."""

    waiting: int
    drafted: int
    silent: int
    """Clips of which it had nothing to propose."""
    failed: int
    failures: list[FailedDraft]
    """The newest SHOWN_FAILURES of them."""
    queue_seconds: float | None
    """Median time of the newest jobs between being queued and being started; None before the first."""
    draft_seconds: float | None
    """Median time of the newest drafts; None before the first."""


@dataclass(frozen=True, slots=True)
class DraftingPage:
    """Everything about drafting in one campaign."""

    activation: Activation | None
    backlog: Backlog | None
    stop: DraftingStop | None
    host: str
    """The host to which the active critic sends clips; empty if to none."""
    consents: list[Consent]
    """The consents in force."""
    previous: Critic | None
    periods: list[ActivationPeriod]
    stops: list[DraftingStop]
    """Those that a lead overruled, newest first."""
    anchoring_bound: float
    fit: DetectorFit | None
    """The newest fit of the detectors to the ratings of this campaign."""
    fit_job: Job | None
    """The newest job that fits them."""
    rated: int
    """Clips with ratings enough for a fit."""
    last_job: Job | None

    @property
    def lacks_consent(self) -> bool:
        """Whether the active critic waits for a lead to agree to its host."""
        return bool(self.host) and self.host not in {consent.host for consent in self.consents}


def read_drafting_page(campaign: Campaign) -> DraftingPage:
    """Read the Drafting page, in at most 19 queries."""
    activation = Activation.objects.filter(campaign=campaign).select_related("critic", "activated_by", "campaign")
    active = activation.first()
    periods = ActivationPeriod.objects.filter(campaign=campaign).select_related("critic", "started_by", "ended_by")
    stops = DraftingStop.objects.filter(campaign=campaign).exclude(resumed_at=None)
    return DraftingPage(
        activation=active,
        backlog=read_backlog(active) if active else None,
        stop=find_open_stop(active) if active else None,
        host=find_host(active.critic) if active else "",
        consents=list(Consent.objects.filter(campaign=campaign, withdrawn_at=None).select_related("given_by")),
        previous=find_previous_critic(campaign),
        periods=list(periods[:SHOWN_PERIODS]),
        stops=list(stops.select_related("critic", "resumed_by")[:SHOWN_PERIODS]),
        anchoring_bound=read_anchoring_bound(campaign),
        fit=DetectorFit.objects.filter(campaign=campaign).select_related("critic").defer("scores", "unseen").first(),
        fit_job=Job.objects.filter(kind=FIT_SCORES, arguments__campaign=campaign.pk).order_by("-created_at").first(),
        rated=count_rated(campaign),
        last_job=Job.objects.filter(kind=KIND, arguments__campaign=campaign.pk).order_by("-created_at").first(),
    )


def read_backlog(activation: Activation) -> Backlog:
    """Read the backlog of the active critic, in seven queries."""
    drafts = select_current_drafts().filter(item__campaign=activation.campaign, critic=str(activation.critic))
    failures = select_failures(activation)
    return Backlog(
        waiting=select_waiting_items(activation).count(),
        drafted=drafts.exclude(proposal={}).count(),
        silent=drafts.filter(proposal={}).count(),
        failed=failures.count(),
        failures=list(failures.select_related("item__clip").order_by("-created_at", "-pk")[:SHOWN_FAILURES]),
        queue_seconds=_read_queue_seconds(activation.campaign),
        draft_seconds=_read_draft_seconds(activation),
    )


def _read_queue_seconds(campaign: Campaign) -> float | None:
    started = Job.objects.filter(kind=KIND, arguments__campaign=campaign.pk, attempts=1).exclude(started_at=None)
    times = started.order_by("-created_at").values_list("created_at", "started_at")[:NEWEST_JOBS]
    waits = [(start - queued).total_seconds() for queued, start in times if start]
    return median(waits) if waits else None


def _read_draft_seconds(activation: Activation) -> float | None:
    drafts = Draft.objects.filter(item__campaign=activation.campaign, critic=str(activation.critic))
    times = list(drafts.order_by("-pk").values_list("latency_ms", flat=True)[:NEWEST_DRAFTS])
    return median(times) / 1000 if times else None
