"""Drafting: the active critic proposes report cards for the next items that need one.

Only items with a free assisted slot are drafted; `annotation` selects them and refuses val and test. An answer without
a proposal is stored as a FailedDraft: it is counted and shown, and that critic does not try the item again.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from django.db import DataError, IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.taxonomy import is_retired
from annotation.models import Campaign, ClipVersion, Item
from annotation.rating.drafts import TEXT_LIMIT, DraftRefused, record_draft, select_items_without_draft
from annotation.shared.permissions import require_role
from annotation.shared.text import clean_text
from modelassist.bridge import make_questions
from modelassist.kinds.base import ClipAnswer, CriticUnavailable
from modelassist.models import DRAFTED_STATES, Activation, DraftingStop, FailedDraft
from modelassist.services import pauses
from modelassist.services.proposers import make_proposer
from modelassist.services.stops import apply_stop_rules
from operations.jobs import JobCancelledError, JobInterruptedError, JobRun, enqueue
from operations.models import Job, JobState
from qsave.proposal import AxisProposal, Proposal
from qsave.words import isolate

logger = logging.getLogger(__name__)

KIND = "draft_items"
BATCH = 8
"""Clips scored together. It limits the memory and the time between two progress reports."""
ITEMS_A_JOB = 64
"""A job ends after this many items, so that other jobs can run; it queues the next job itself."""
SECONDS_A_JOB = 20
"""A job also ends after the batch in which they pass: a slow critic of one campaign does not delay another's drafts."""
SECONDS_BETWEEN_STOPS = 60.0
_locks: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)
"""A lock for each campaign. A worker has several threads: no two of them draft the same items."""
UNSTORABLE = (AttributeError, DataError, IntegrityError, LookupError, TypeError, ValueError)
"""Errors for a card that the database or `record_draft` cannot store: only this draft fails."""
ERROR_LENGTH = FailedDraft._meta.get_field("error").max_length or 500


class OtherTaxonomy(ValueError):
    """The critic names defects that the campaign does not have; the message names them."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """The result of one job."""

    critic: str = ""
    drafted: int = 0
    failed: int = 0
    more: bool = False
    paused: str = ""
    """Why drafting is paused; empty if it is not."""


def enqueue_drafts(*, actor: User | None, campaign: Campaign) -> Job | None:
    """Queue a drafting job, unless the campaign has no critic or such a job is queued already."""
    waiting = Job.objects.filter(kind=KIND, state=JobState.QUEUED, arguments__campaign=campaign.pk)
    if waiting.exists() or not Activation.objects.filter(campaign=campaign).exists():
        return None
    return enqueue(actor=actor, kind=KIND, arguments={"campaign": campaign.pk})


def queue_missing_drafts() -> int:
    """Queue a job for every campaign that needs drafts and has no unfinished drafting job.

    A campaign in preparation counts, so that drafts are there when it opens. Campaigns whose drafting is paused, or
    stopped by a rule, are left out. Returns how many jobs were queued.
    """
    jobs = 0
    activations = Activation.objects.filter(pauses.select_due(timezone.now()), campaign__state__in=DRAFTED_STATES)
    stops = DraftingStop.objects.filter(campaign=OuterRef("campaign"), critic=OuterRef("critic"), resumed_at=None)
    activations = activations.exclude(Exists(stops))
    for activation in activations.select_related("campaign", "critic"):
        unfinished = Job.objects.filter(
            kind=KIND, state__in=[JobState.QUEUED, JobState.RUNNING], arguments__campaign=activation.campaign_id
        )
        if not unfinished.exists() and select_next_items(activation, limit=1):
            enqueue_drafts(actor=None, campaign=activation.campaign)
            jobs += 1
    return jobs


def select_waiting_items(activation: Activation) -> QuerySet[Item]:
    """Select the items that the active critic has to draft, in the order of the queue, without those on whose present
    file it failed."""
    items = select_items_without_draft(campaign=activation.campaign, critic=str(activation.critic))
    return items.exclude(Exists(select_failures(activation).filter(item=OuterRef("pk"))))


def select_failures(activation: Activation) -> QuerySet[FailedDraft]:
    """Select the failures of the active critic on the present file of a clip."""
    newer = ClipVersion.objects.filter(clip__items=OuterRef("item"), replaced_at__gt=OuterRef("created_at"))
    failures = FailedDraft.objects.filter(critic=activation.critic, item__campaign=activation.campaign)
    return failures.exclude(Exists(newer))


def select_next_items(activation: Activation, *, limit: int) -> list[Item]:
    """Select the next items for the active critic."""
    return list(select_waiting_items(activation)[:limit])


@transaction.atomic
def retry_failed(*, actor: User, campaign: Campaign) -> int:
    """Let the active critic try the clips again on which it failed; returns how many."""
    require_role(actor, Role.LEAD)
    activation = _read_activation(campaign)
    if activation is None:
        return 0
    count, _rows = FailedDraft.objects.filter(critic=activation.critic, item__campaign=campaign).delete()
    if count:
        audit.record(actor=actor, action="drafting.failures_retried", target=campaign, count=count)
        enqueue_drafts(actor=actor, campaign=campaign)
    return count


def draft_items(job: JobRun) -> Drafted:
    """Run the drafting job for up to ITEMS_A_JOB items. A repeated job is safe: a critic drafts no item twice."""
    campaign = Campaign.objects.get(pk=job.arguments["campaign"])
    result = draft_next(campaign=campaign, limit=ITEMS_A_JOB, job=job)
    if result.more:
        enqueue_drafts(actor=job.job.created_by, campaign=campaign)
    return result


def draft_next(*, campaign: Campaign, limit: int, job: JobRun | None = None) -> Drafted:
    """Draft up to `limit` of the campaign's next items by its active critic, unless it is paused or a rule stops it.

    The stop rules are applied before the first batch and every SECONDS_BETWEEN_STOPS: their figures take seconds in a
    large campaign.
    """
    drafted = failed = 0
    activation = _read_activation(campaign)
    next_check = started = time.monotonic()

    def report() -> None:
        if job and activation:
            done = drafted + failed
            job.report_progress(min(done / limit, 0.99), f"{activation.critic}: {drafted} drafts, {failed} unusable")

    while True:
        with _locks[campaign.pk]:
            # read again for each batch: a lead may activate another critic, or none, while this runs
            activation = _read_activation(campaign)
            if activation is None or activation.is_paused(timezone.now()):
                critic, reason = (str(activation.critic), activation.paused_reason) if activation else ("", "")
                return Drafted(critic, drafted, failed, paused=reason)
            if time.monotonic() >= next_check:
                if stop := apply_stop_rules(activation):
                    return Drafted(str(stop.critic), drafted, failed, paused=stop.reason)
                next_check = time.monotonic() + SECONDS_BETWEEN_STOPS
            left = limit - drafted - failed
            items = select_next_items(activation, limit=min(BATCH, max(1, left)))
            is_late = job is not None and drafted + failed > 0 and time.monotonic() >= started + SECONDS_A_JOB
            if not items or not left or is_late:
                return Drafted(str(activation.critic), drafted, failed, more=bool(items))
            good, bad = _draft_batch(activation, items, report)
        drafted, failed = drafted + good, failed + bad
        report()


def _read_activation(campaign: Campaign) -> Activation | None:
    return Activation.objects.filter(campaign=campaign).select_related("campaign", "critic").first()


def _draft_batch(activation: Activation, items: Sequence[Item], on_wait: Callable[[], None]) -> tuple[int, int]:
    """Ask about one batch and store the answers; returns how many became drafts and how many failed.

    If the critic itself fails, its drafting pauses.
    """
    started = time.monotonic()
    try:
        answers = _ask(activation, items, on_wait)
    except CriticUnavailable as error:
        logger.warning("%s is paused in %s: %s", activation.critic, activation.campaign, error)
        pauses.pause(activation, str(error))
        return 0, 0
    latency_ms = round(1000 * (time.monotonic() - started) / len(items))
    good = sum(_record(activation, item, answer, latency_ms) for item, answer in zip(items, answers, strict=True))
    if not good and (reason := pauses.describe_unreadable(activation)):
        pauses.pause(activation, reason)
    else:
        pauses.end_pause(activation)
    return good, len(items) - good


def _ask(activation: Activation, items: Sequence[Item], on_wait: Callable[[], None]) -> list[ClipAnswer]:
    """Ask the critic. An unexpected error also pauses it, and is raised: otherwise it would recur within seconds."""
    try:
        proposer = make_proposer(activation.critic, campaign=activation.campaign, on_wait=on_wait)
        return proposer.propose(make_questions(activation.campaign, items))
    except (CriticUnavailable, JobCancelledError, JobInterruptedError):
        raise
    except Exception as error:  # it is raised again
        pauses.pause(activation, f"{type(error).__name__}: {' '.join(str(error).split()).rstrip('.')}.")
        raise


def _record(activation: Activation, item: Item, answer: ClipAnswer, latency_ms: int) -> bool:
    """Store the answer for one item as a draft or, if that is impossible, as a failed draft; returns whether it is a
    draft."""
    error = answer.error or _("The critic gave no report card.")
    if answer.proposal is not None:
        try:
            with transaction.atomic():
                record_draft(
                    item_id=item.pk,
                    critic=str(activation.critic),
                    proposal=fit_taxonomy(answer.proposal, activation.campaign),
                    text=answer.text,
                    latency_ms=latency_ms,
                    clip_version=item.clip.version,
                )
            return True
        except (DraftRefused, OtherTaxonomy) as refusal:
            error = str(refusal)
        except UNSTORABLE as problem:
            logger.warning("A draft of %s cannot be stored", activation.critic, exc_info=True)
            error = f"The draft cannot be stored ({type(problem).__name__}: {problem})."
    FailedDraft.objects.update_or_create(
        critic=activation.critic,
        item=item,
        defaults={
            "error": clean_text(error)[:ERROR_LENGTH],
            "text": clean_text(answer.text)[:TEXT_LIMIT],
            "created_at": timezone.now(),
        },
    )
    return False


def fit_taxonomy(proposal: Proposal, campaign: Campaign) -> Proposal:
    """Leave out retired defects; raises OtherTaxonomy if the proposal names a defect that the campaign never had.

    An axis that names retired defects alone then says nothing of defects.
    """
    entries = {(entry["axis"], entry["id"]): entry for entry in campaign.taxonomy}
    named = {(axis.value, one.defect) for axis, part in proposal.axes.items() for one in part.evidence or ()}
    if unknown := sorted(defect for axis, defect in named if (axis, defect) not in entries):
        raise OtherTaxonomy(
            _("The critic named defects that this campaign does not have: %(names)s.")
            % {"names": isolate(", ".join(unknown))}
        )

    def fit(axis: str, part: AxisProposal) -> AxisProposal:
        if not part.evidence:
            return part
        evidence = tuple(one for one in part.evidence if not is_retired(entries[axis, one.defect]))
        return replace(part, evidence=evidence or None)

    return replace(proposal, **{axis.value: fit(axis.value, part) for axis, part in proposal.axes.items()})
