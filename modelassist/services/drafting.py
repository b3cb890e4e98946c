"""Drafting: the active critic writes report cards for the next items that wait for one.

Only items with an open assisted seat are drafted; `annotation` says which those are and refuses val and test. A
generation that does not parse is kept as a FailedDraft: it is counted and shown, and not tried again by that critic.
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from annotation.models import Campaign, Item
from annotation.rating.drafts import TEXT_LIMIT, DraftRefused, list_items_without_draft, record_draft
from annotation.shared.text import clean_text
from modelassist.bridge import clips_to_score, model_of
from modelassist.models import Activation, Critic, FailedDraft
from modelassist.services import pauses
from operations.jobs import JobRun, enqueue
from operations.models import Job, JobState

if TYPE_CHECKING:
    from modelassist.engine.generation.critic import Critic as LoadedCritic
    from modelassist.engine.generation.critic import Scored

logger = logging.getLogger(__name__)

KIND = "draft_items"
BATCH = 8
"""Clips scored together: bounds memory, and how often progress shows."""
ITEMS_A_JOB = 64
"""A job ends after so many, so that other work gets its turn; it queues the next one itself."""
_engine = threading.Lock()
"""Workers have threads; the engine drafts one batch at a time, and no two threads take the same items."""
CRITIC_FAULTS = (ImportError, MemoryError, OSError, RuntimeError, ValueError)
"""What a critic that cannot load or answer raises: a pause says so, and the job is done. Anything else is a defect: the
job fails with its trace, and drafting is paused all the same."""
UNSTORABLE = (AttributeError, DataError, IntegrityError, LookupError, TypeError, ValueError)
"""What a card raises that the database or `record_draft` cannot take: that draft failed, and the others go on."""
ERROR_LENGTH = FailedDraft._meta.get_field("error").max_length or 500


@dataclass(frozen=True, slots=True)
class Drafted:
    """What one job did."""

    critic: str = ""
    drafted: int = 0
    failed: int = 0
    more: bool = False
    paused: str = ""
    """Why the critic is not tried now; empty where it is."""


def enqueue_drafts(*, actor: User | None, campaign: Campaign) -> Job | None:
    """Ask for drafts, unless nobody drafts for the campaign or such a job waits already."""
    waiting = Job.objects.filter(kind=KIND, state=JobState.QUEUED, arguments__campaign=campaign.pk)
    if waiting.exists() or not Activation.objects.filter(campaign=campaign).exists():
        return None
    return enqueue(actor=actor, kind=KIND, arguments={"campaign": campaign.pk})


def top_up() -> int:
    """Ask for drafts in every open campaign where items want one, no job is at it and the critic may be tried; returns
    how many jobs."""
    jobs = 0
    open_ones = Activation.objects.filter(pauses.due(timezone.now()), campaign__state=Campaign.State.OPEN)
    for activation in open_ones.select_related("campaign", "critic"):
        at_it = Job.objects.filter(
            kind=KIND, state__in=[JobState.QUEUED, JobState.RUNNING], arguments__campaign=activation.campaign_id
        )
        if not at_it.exists() and next_items(activation, limit=1):
            enqueue_drafts(actor=None, campaign=activation.campaign)
            jobs += 1
    return jobs


def next_items(activation: Activation, *, limit: int) -> list[Item]:
    """The next items for the active critic to draft, without those it has failed at."""
    failed = set(
        FailedDraft.objects.filter(critic=activation.critic, item__campaign=activation.campaign).values_list(
            "item_id", flat=True
        )
    )
    items = list_items_without_draft(
        campaign=activation.campaign, critic=str(activation.critic), limit=limit + len(failed)
    )
    return [item for item in items if item.pk not in failed][:limit]


def draft_items(job: JobRun) -> Drafted:
    """Body of the drafting job: up to ITEMS_A_JOB items. Safe to run again: what was drafted is not drafted twice."""
    campaign = Campaign.objects.get(pk=job.arguments["campaign"])
    done = draft_next(campaign=campaign, limit=ITEMS_A_JOB, job=job)
    if done.more:
        enqueue_drafts(actor=job.job.created_by, campaign=campaign)
    return done


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
            room = limit - drafted - failed
            items = next_items(activation, limit=min(BATCH, max(1, room)))
            if not items or not room:
                return Drafted(str(activation.critic), drafted, failed, more=bool(items))
            good, bad = _draft_batch(activation, items)
        drafted, failed = drafted + good, failed + bad
        if job:
            job.progress((drafted + failed) / limit, f"{activation.critic}: {drafted} drafts, {failed} unusable")


def _draft_batch(activation: Activation, items: Sequence[Item]) -> tuple[int, int]:
    """Score and store one batch; returns how many became drafts and how many did not. Pauses the drafting of a critic
    that fails as a whole."""
    started = time.monotonic()
    try:
        scored = _score(activation, items)
    except CRITIC_FAULTS as error:
        logger.warning("%s is paused in %s: %s", activation.critic, activation.campaign, error)
        return 0, 0
    latency_ms = round(1000 * (time.monotonic() - started) / len(items))
    good = sum(_record(activation.critic, item, result, latency_ms) for item, result in zip(items, scored, strict=True))
    if not good and (silence := pauses.describe_silence(activation)):
        pauses.pause(activation, silence)
    else:
        pauses.end_pause(activation)
    return good, len(items) - good


def _score(activation: Activation, items: Sequence[Item]) -> "list[Scored]":
    """The critic's answers. Whatever it raises pauses its drafting, so that no fault is met again every few seconds."""
    try:
        return load_critic(model_of(activation.critic)).score(clips_to_score(items))
    except Exception as error:
        load_critic.cache_clear()  # memory that ran out is free again at the next try
        pauses.pause(activation, describe_fault(error))
        raise


def describe_fault(error: Exception) -> str:
    """What a critic that cannot load or answer failed of, in one line of words."""
    words = " ".join(str(error).split()) or type(error).__name__
    kind = "" if isinstance(error, ValueError | RuntimeError | OSError) else f"{type(error).__name__}: "
    return f"{kind}{words.rstrip('.')}."


def _record(critic: Critic, item: Item, scored: "Scored", latency_ms: int) -> bool:
    """Store what came of one item; returns whether it is a draft. What cannot be stored is a failed draft."""
    error = scored.error or "no report card"
    if scored.card is not None:
        try:
            with transaction.atomic():
                record_draft(
                    item_id=item.pk, critic=str(critic), card=scored.card, text=scored.text, latency_ms=latency_ms
                )
            return True
        except DraftRefused as refusal:
            error = str(refusal)
        except UNSTORABLE as problem:
            logger.warning("A draft of %s cannot be stored", critic, exc_info=True)
            error = f"The draft cannot be stored ({type(problem).__name__}: {problem})."
    FailedDraft.objects.get_or_create(
        critic=critic,
        item=item,
        defaults={"error": clean_text(error)[:ERROR_LENGTH], "text": clean_text(scored.text)[:TEXT_LIMIT]},
    )
    return False


@lru_cache(maxsize=1)
def load_critic(model: str) -> "LoadedCritic":
    """The engine's critic, loaded once a worker process. The one place where the site's code reaches torch."""
    from modelassist.engine.generation.critic import Critic as LoadedCritic

    return LoadedCritic.load(model)
