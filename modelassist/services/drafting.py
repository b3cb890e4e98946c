"""Drafting: the active critic writes report cards for the next items that wait for one.

Only items with an open assisted seat are drafted; `annotation` says which those are and refuses val and test. A
generation that does not parse is kept as a FailedDraft: it is counted and shown, and not tried again by that critic.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.models import User
from annotation.models import Campaign, Item
from annotation.services.drafts import TEXT_LIMIT, DraftRefused, items_wanting_drafts, record_draft
from annotation.services.text import clean_text
from modelassist.bridge import clips_to_score, model_of
from modelassist.models import Activation, Critic, FailedDraft
from operations.database import DATABASE_TROUBLE
from operations.jobs import JobError, JobRun, enqueue
from operations.models import Job, JobState
from qsave.frames.guard import MediaError, one_file

if TYPE_CHECKING:
    from modelassist.engine.inference import Critic as LoadedCritic
    from modelassist.engine.inference import Scored

KIND = "draft_items"
BATCH = 8
"""Clips scored together: bounds memory, and how often progress shows."""
ITEMS_A_JOB = 64
"""A job ends after so many, so that other work gets its turn; it queues the next one itself."""
_engine = threading.Lock()
"""Workers have threads; the engine drafts one batch at a time, and no two threads take the same items."""
ERROR_LENGTH = FailedDraft._meta.get_field("error").max_length or 500


@dataclass(frozen=True, slots=True)
class Drafted:
    """What one job did."""

    critic: str = ""
    drafted: int = 0
    failed: int = 0
    more: bool = False


def enqueue_drafts(*, actor: User | None, campaign: Campaign) -> Job | None:
    """Ask for drafts, unless nobody drafts for the campaign or such a job waits already."""
    waiting = Job.objects.filter(kind=KIND, state=JobState.QUEUED, arguments__campaign=campaign.pk)
    if waiting.exists() or not Activation.objects.filter(campaign=campaign).exists():
        return None
    return enqueue(actor=actor, kind=KIND, arguments={"campaign": campaign.pk})


def top_up() -> int:
    """Ask for drafts in every open campaign where items want one and nobody is at it; returns how many jobs."""
    jobs = 0
    open_ones = Activation.objects.filter(campaign__state=Campaign.State.OPEN)
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
    items = items_wanting_drafts(campaign=activation.campaign, critic=str(activation.critic), limit=limit + len(failed))
    return [item for item in items if item.pk not in failed][:limit]


def draft_items(job: JobRun) -> Drafted:
    """Body of the drafting job: up to ITEMS_A_JOB items. Safe to run again: what was drafted is not drafted twice."""
    campaign = Campaign.objects.get(pk=job.arguments["campaign"])
    done = draft_next(campaign=campaign, limit=ITEMS_A_JOB, job=job)
    if done.more:
        enqueue_drafts(actor=job.job.created_by, campaign=campaign)
    return done


def draft_next(*, campaign: Campaign, limit: int, job: JobRun | None = None) -> Drafted:
    """Draft up to `limit` of the campaign's next items by its active critic."""
    drafted = failed = 0
    while True:
        with _engine:
            # read anew each batch: a lead may activate another critic, or none, while this runs
            activation = Activation.objects.filter(campaign=campaign).select_related("campaign", "critic").first()
            room = limit - drafted - failed
            items = next_items(activation, limit=min(BATCH, max(1, room))) if activation else []
            if activation is None or not items or not room:
                return Drafted(str(activation.critic) if activation else "", drafted, failed, more=bool(items))
            good = _draft_batch(activation.critic, items)
        drafted, failed = drafted + good, failed + len(items) - good
        if job:
            job.progress((drafted + failed) / limit, f"{activation.critic}: {drafted} drafts, {failed} unusable")


def _draft_batch(critic: Critic, items: Sequence[Item]) -> int:
    """Score and store one batch; returns how many became drafts."""
    loaded = load_critic(model_of(critic))
    started = time.monotonic()
    scored = loaded.score(clips_to_score(items))
    latency_ms = round(1000 * (time.monotonic() - started) / len(items))
    return sum(_record(critic, item, result, latency_ms) for item, result in zip(items, scored, strict=True))


def _record(critic: Critic, item: Item, scored: "Scored", latency_ms: int) -> bool:
    """Store what came of one item; returns whether it is a draft. What cannot be stored is a failed draft."""
    error = scored.error or "no report card"
    if scored.card is not None:
        try:
            with one_file(passing=(DraftRefused, *DATABASE_TROUBLE)), transaction.atomic():
                record_draft(
                    item_id=item.pk, critic=str(critic), card=scored.card, text=scored.text, latency_ms=latency_ms
                )
            return True
        except (DraftRefused, MediaError) as problem:
            error = str(problem)
    FailedDraft.objects.get_or_create(
        critic=critic,
        item=item,
        defaults={"error": clean_text(error)[:ERROR_LENGTH], "text": clean_text(scored.text)[:TEXT_LIMIT]},
    )
    return False


@lru_cache(maxsize=1)
def load_critic(model: str) -> "LoadedCritic":
    """The engine's critic, loaded once a worker process. The one place where the site's code reaches torch."""
    from modelassist.engine.inference import Critic as LoadedCritic
    from modelassist.engine.model_files import ModelError

    try:
        return LoadedCritic.load(model)
    except ModelError as error:
        raise JobError(f"The active critic cannot be loaded: {error}. Activate another one.") from error
