"""Drafting: the active critic writes report cards for the next items that need one.

Only items with a free assisted slot are drafted; `annotation` selects them and refuses val and test. An answer that
does not parse is stored as a FailedDraft: it is counted and shown, and that critic does not try the item again.
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from django.db import DataError, IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.models import User
from annotation.models import Campaign, ClipVersion, Item
from annotation.rating.drafts import TEXT_LIMIT, DraftRefused, list_items_without_draft, record_draft
from annotation.shared.text import clean_text
from modelassist.bridge import list_clips_to_score, resolve_critic
from modelassist.models import Activation, Critic, FailedDraft
from modelassist.services import pauses
from operations.jobs import JobRun, enqueue
from operations.models import Job, JobState
from qsave.proposal import Proposal

if TYPE_CHECKING:
    from modelassist.engine.generation.critic import Critic as LoadedCritic
    from modelassist.engine.generation.critic import Scored

logger = logging.getLogger(__name__)

KIND = "draft_items"
BATCH = 8
"""Clips scored together. It limits the memory and the time between two progress reports."""
ITEMS_A_JOB = 64
"""A job ends after this many items, so that other jobs can run; it queues the next job itself."""
_engine = threading.Lock()
"""A worker has several threads: only one drafts at a time, so that no two draft the same items."""
CRITIC_FAULTS = (ImportError, MemoryError, OSError, RuntimeError, ValueError)
"""Errors of a critic that cannot load or answer: drafting pauses with the reason, and the job is done. Any other error
is a bug: the job fails with its trace, and drafting also pauses."""
UNSTORABLE = (AttributeError, DataError, IntegrityError, LookupError, TypeError, ValueError)
"""Errors for a card that the database or `record_draft` cannot store: only this draft fails."""
ERROR_LENGTH = FailedDraft._meta.get_field("error").max_length or 500


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
    """Queue a job for every open campaign that needs drafts, has no unfinished drafting job and is not paused.

    Returns how many jobs were queued.
    """
    jobs = 0
    activations = Activation.objects.filter(pauses.select_due(timezone.now()), campaign__state=Campaign.State.OPEN)
    for activation in activations.select_related("campaign", "critic"):
        unfinished = Job.objects.filter(
            kind=KIND, state__in=[JobState.QUEUED, JobState.RUNNING], arguments__campaign=activation.campaign_id
        )
        if not unfinished.exists() and select_next_items(activation, limit=1):
            enqueue_drafts(actor=None, campaign=activation.campaign)
            jobs += 1
    return jobs


def select_next_items(activation: Activation, *, limit: int) -> list[Item]:
    """Select the next items for the active critic, without those on whose present file it failed."""
    newer = ClipVersion.objects.filter(clip__items=OuterRef("item"), replaced_at__gt=OuterRef("created_at"))
    failures = FailedDraft.objects.filter(critic=activation.critic, item__campaign=activation.campaign)
    failed = set(failures.exclude(Exists(newer)).values_list("item_id", flat=True))
    items = list_items_without_draft(
        campaign=activation.campaign, critic=str(activation.critic), limit=limit + len(failed)
    )
    return [item for item in items if item.pk not in failed][:limit]


def draft_items(job: JobRun) -> Drafted:
    """Run the drafting job for up to ITEMS_A_JOB items. A repeated job is safe: a critic drafts no item twice."""
    campaign = Campaign.objects.get(pk=job.arguments["campaign"])
    result = draft_next(campaign=campaign, limit=ITEMS_A_JOB, job=job)
    if result.more:
        enqueue_drafts(actor=job.job.created_by, campaign=campaign)
    return result


def draft_next(*, campaign: Campaign, limit: int, job: JobRun | None = None) -> Drafted:
    """Draft up to `limit` of the campaign's next items by its active critic, unless its drafting is paused."""
    drafted = failed = 0
    while True:
        with _engine:
            # read again for each batch: a lead may activate another critic, or none, while this runs
            activation = Activation.objects.filter(campaign=campaign).select_related("campaign", "critic").first()
            if activation is None or activation.is_paused(timezone.now()):
                critic, reason = (str(activation.critic), activation.paused_reason) if activation else ("", "")
                return Drafted(critic, drafted, failed, paused=reason)
            left = limit - drafted - failed
            items = select_next_items(activation, limit=min(BATCH, max(1, left)))
            if not items or not left:
                return Drafted(str(activation.critic), drafted, failed, more=bool(items))
            good, bad = _draft_batch(activation, items)
        drafted, failed = drafted + good, failed + bad
        if job:
            job.report_progress((drafted + failed) / limit, f"{activation.critic}: {drafted} drafts, {failed} unusable")


def _draft_batch(activation: Activation, items: Sequence[Item]) -> tuple[int, int]:
    """Score and store one batch; returns how many became drafts and how many failed.

    If the critic itself fails, its drafting pauses.
    """
    started = time.monotonic()
    try:
        scored = _score(activation, items)
    except CRITIC_FAULTS as error:
        logger.warning("%s is paused in %s: %s", activation.critic, activation.campaign, error)
        return 0, 0
    latency_ms = round(1000 * (time.monotonic() - started) / len(items))
    good = sum(_record(activation.critic, item, result, latency_ms) for item, result in zip(items, scored, strict=True))
    if not good and (reason := pauses.describe_unreadable(activation)):
        pauses.pause(activation, reason)
    else:
        pauses.end_pause(activation)
    return good, len(items) - good


def _score(activation: Activation, items: Sequence[Item]) -> "list[Scored]":
    """Score the items. Any error pauses the critic, also an unexpected one: otherwise it would recur within seconds."""
    try:
        return load_critic(resolve_critic(activation.critic)).score(list_clips_to_score(items))
    except Exception as error:  # every error must pause the critic; it is raised again
        load_critic.cache_clear()  # this frees the memory for the next try
        pauses.pause(activation, describe_fault(error))
        raise


def describe_fault(error: Exception) -> str:
    """Describe in one line why a critic cannot load or answer."""
    words = " ".join(str(error).split()) or type(error).__name__
    kind = "" if isinstance(error, ValueError | RuntimeError | OSError) else f"{type(error).__name__}: "
    return f"{kind}{words.rstrip('.')}."


def _record(critic: Critic, item: Item, scored: "Scored", latency_ms: int) -> bool:
    """Store the result for one item as a draft or, if that is impossible, as a failed draft; returns whether it is a
    draft."""
    error = scored.error or "no report card"
    if scored.card is not None:
        try:
            with transaction.atomic():
                record_draft(
                    item_id=item.pk,
                    critic=str(critic),
                    proposal=Proposal.from_card(scored.card),
                    text=scored.text,
                    latency_ms=latency_ms,
                    clip_version=item.clip.version,
                )
            return True
        except DraftRefused as refusal:
            error = str(refusal)
        except UNSTORABLE as problem:
            logger.warning("A draft of %s cannot be stored", critic, exc_info=True)
            error = f"The draft cannot be stored ({type(problem).__name__}: {problem})."
    FailedDraft.objects.update_or_create(
        critic=critic,
        item=item,
        defaults={
            "error": clean_text(error)[:ERROR_LENGTH],
            "text": clean_text(scored.text)[:TEXT_LIMIT],
            "created_at": timezone.now(),
        },
    )
    return False


@lru_cache(maxsize=1)
def load_critic(model: str) -> "LoadedCritic":
    """Load the engine's critic, once per worker process. This is the only place where the site imports torch."""
    from modelassist.engine.generation.critic import Critic as LoadedCritic

    return LoadedCritic.load(model)
