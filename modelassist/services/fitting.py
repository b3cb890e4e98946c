"""Fit the detectors to the blind ratings of a campaign: what comes of it is a critic that gives scores, without a GPU.

A clip counts on an axis if two raters scored it blind. Clips of val and test are left out, so that they can judge the
result. Whoever asks, and however often: the same ratings give the same version.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, QuerySet

from accounts import audit
from accounts.models import Role, User
from annotation.agreement.scores import select_counted_answers
from annotation.models import Campaign, Clip, Item, Split
from annotation.shared.permissions import require_role
from modelassist.engine.evaluation.detector_scores import LEAST_CLIPS, SCORED_AXES
from modelassist.models import Critic, DetectorFit
from modelassist.reads.paired import read_blind_scores
from modelassist.services.builtin import LICENCE, register_detectors
from modelassist.services.builtin import NAME as DETECTORS
from modelassist.services.critics import store_version
from modelassist.services.measuring import FEATURES_KEY, read_features
from modelassist.services.proposers import THRESHOLDS
from operations.jobs import JobError, JobRun, enqueue
from operations.launcher import list_tied
from operations.models import Job, JobState
from qsave.axes import Axis
from qsave.detectors.thresholds import THRESHOLDS_VERSION

FIT_SCORES = "fit_detector_scores"
LEAST_RATINGS = 2
"""Blind ratings of a clip that a fit needs."""
GROWTH = 0.25
"""The site fits again when the clips with enough ratings grew by this share since the last fit."""
SEED = 0
_CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class RatedClip:
    """A clip with the mean of its blind ratings on the axes that have enough of them."""

    item: int
    clip: Clip
    group: str
    mos: Mapping[Axis, float]


@transaction.atomic
def request_fit(*, actor: User, campaign: Campaign) -> Job:
    """Queue a fit to the present ratings of a campaign; returns the job that waits already, if there is one."""
    require_role(actor, Role.LEAD)
    waiting = _select_open_jobs(campaign).first()
    if waiting is not None:
        return waiting
    audit.record(actor=actor, action="detectors.fit_requested", target=campaign)
    return enqueue(actor=actor, kind=FIT_SCORES, arguments={"campaign": campaign.pk})


def queue_fits() -> int:
    """Queue a fit for each open campaign of real clips that has ratings enough, or grew; returns how many."""
    if settings.DEFAULT_CRITIC != DETECTORS:
        return 0
    campaigns = Campaign.objects.filter(state=Campaign.State.OPEN, is_simulated=False)
    due = [campaign for campaign in campaigns if _is_due(campaign) and not _select_open_jobs(campaign).exists()]
    for campaign in due:
        enqueue(actor=None, kind=FIT_SCORES, arguments={"campaign": campaign.pk})
    return len(due)


def _is_due(campaign: Campaign) -> bool:
    rated = count_rated(campaign)
    if rated < LEAST_CLIPS:
        return False
    last = DetectorFit.objects.filter(campaign=campaign).values_list("rated", flat=True).first()
    return last is None or rated >= (1 + GROWTH) * last


def count_rated(campaign: Campaign) -> int:
    """Count the train clips with enough ratings on an axis, blind or not: at least as many as a fit can use."""
    answers = select_counted_answers(campaign).filter(
        axis=SCORED_AXES[0], revision__rating__item__clip__prompt_group__split=Split.TRAIN
    )
    counted = answers.values("revision__rating__item").annotate(ratings=Count("pk")).filter(ratings__gte=LEAST_RATINGS)
    return counted.count()


def _select_open_jobs(campaign: Campaign) -> QuerySet[Job]:
    return Job.objects.filter(
        kind=FIT_SCORES, state__in=[JobState.QUEUED, JobState.RUNNING], arguments__campaign=campaign.pk
    )


def fit_scores(job: JobRun) -> DetectorFit:
    """Fit the detectors to a campaign's ratings, and register a critic if an axis gets scores.

    A repeated job is safe: readings are stored clip by clip, and the same ratings have one row.
    """
    campaign = Campaign.objects.get(pk=job.arguments["campaign"])
    rated = count_rated(campaign)
    clips = list_rated_clips(campaign)
    features = _measure(clips, job)
    usable = [clip for clip in clips if clip.clip.sha256 in features]
    digest = compute_digest(usable)
    known = DetectorFit.objects.filter(campaign=campaign, digest=digest).first()
    if known is not None:
        DetectorFit.objects.filter(pk=known.pk).update(rated=rated)
        return known
    job.report_progress(0.9, f"fitting {len(usable)} clips")
    request = make_request(usable, features, simulated=campaign.is_simulated)
    result = run_fit(request)
    return _store(campaign, result, digest=digest, rated=rated, clips=usable)


def list_rated_clips(campaign: Campaign) -> list[RatedClip]:
    """List the clips of the train split with enough blind ratings on an axis, in the order of their items."""
    blind = read_blind_scores(campaign, least=LEAST_RATINGS)
    means: dict[int, dict[Axis, float]] = {}
    for axis in SCORED_AXES:
        for item, mos in blind[axis].items():
            means.setdefault(item, {})[axis] = mos
    items = Item.objects.filter(
        pk__in=means, clip__prompt_group__split=Split.TRAIN, clip__withdrawn_at=None
    ).select_related("clip")
    return [
        RatedClip(item.pk, item.clip, str(item.clip.prompt_group_id), means[item.pk]) for item in items.order_by("pk")
    ]


def _measure(clips: Sequence[RatedClip], job: JobRun) -> dict[str, list[float]]:
    """Return the features of each file, by its hash; a file that cannot be measured is absent."""
    features = {}
    for number, clip in enumerate(clips):
        job.report_progress(0.9 * number / len(clips), f"{number} of {len(clips)} clips measured")
        if values := read_features(clip.clip):
            features[clip.clip.sha256] = values
    return features


def compute_digest(clips: Sequence[RatedClip]) -> str:
    """Return a digest of what a fit depends on."""
    rows = [
        [clip.item, clip.clip.sha256, clip.group, {axis.value: mos for axis, mos in sorted(clip.mos.items())}]
        for clip in clips
    ]
    return sha256(json.dumps([FEATURES_KEY, THRESHOLDS_VERSION, SEED, rows]).encode()).hexdigest()


def make_request(
    clips: Sequence[RatedClip], features: Mapping[str, Sequence[float]], *, simulated: bool
) -> dict[str, Any]:
    """Return the request of `fit_process`."""
    axes = {}
    for axis in SCORED_AXES:
        rows = _select_axis(clips, axis)
        axes[axis.value] = {
            "features": [features[clip.clip.sha256] for clip in rows],
            "mos": [clip.mos[axis] for clip in rows],
            "groups": [clip.group for clip in rows],
        }
    return {"seed": SEED, "simulated": simulated, "axes": axes}


def _select_axis(clips: Sequence[RatedClip], axis: Axis) -> list[RatedClip]:
    return [clip for clip in clips if axis in clip.mos]


def run_fit(request: Mapping[str, Any]) -> dict[str, Any]:
    """Fit in a process of its own, since scikit-learn stays in the memory of a process. Raises JobError."""
    command = [*list_tied("KILL"), sys.executable, "-m", "modelassist.engine.evaluation.fit_process"]
    done = subprocess.run(
        command, cwd=_CHECKOUT, input=json.dumps(request), capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it wrote no error"])[-1]
        raise JobError(f"The regression ended with code {done.returncode}: {last}. Run the job again.")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@transaction.atomic
def _store(
    campaign: Campaign, result: Mapping[str, Any], *, digest: str, rated: int, clips: Sequence[RatedClip]
) -> DetectorFit:
    fit, is_new = DetectorFit.objects.get_or_create(
        campaign=campaign,
        digest=digest,
        defaults={
            "rated": rated,
            "clips": len(clips),
            "scores": result["scores"],
            "unseen": dict(_name_items(result["unseen"], clips)),
            "reasons": result["reasons"],
        },
    )
    if is_new and result["accepted"]:
        fit.critic = _register(campaign, fit, result["evaluation"])
        fit.save(update_fields=["critic"])
    return fit


def _name_items(
    unseen: Mapping[str, Sequence[float]], clips: Sequence[RatedClip]
) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the score of each item by axis, for the clips whose prompts a fold left out."""
    for name, scores in unseen.items():
        rows = _select_axis(clips, Axis(name))
        yield name, {str(clip.item): round(score, 4) for clip, score in zip(rows, scores, strict=True)}


def _register(campaign: Campaign, fit: DetectorFit, evaluation: Mapping[str, Any]) -> Critic:
    critic = Critic(
        name=f"{DETECTORS}-{campaign.name}"[: Critic._meta.get_field("name").max_length],
        kind=Critic.Kind.DETECTORS,
        origin=Critic.Origin.RATINGS,
        licence=LICENCE,
        parent=register_detectors(),
        settings={THRESHOLDS: THRESHOLDS_VERSION},
        learned_from_simulated=campaign.is_simulated,
        evaluation=dict(evaluation),
        card=write_card(campaign, fit),
    )
    return store_version(actor=None, critic=critic)


def write_card(campaign: Campaign, fit: DetectorFit) -> str:
    """Write the model card of a critic that was fitted to ratings."""
    axes = "\n".join(f"- {name}: {reason}" for name, reason in fit.reasons.items())
    return CARD.format(campaign=campaign.name, clips=fit.clips, least=LEAST_RATINGS, axes=axes)


CARD = """\
# Detectors with scores

They propose what the built-in detectors propose. Where a regression from their readings to the ratings predicts clips
of unseen prompts better than the mean does, they also give a score.

Fitted to {clips} clips of the train split of the campaign `{campaign}` that have at least {least} blind ratings, by
cross-validation over prompt groups. Clips of val and test had no part in it.

{axes}

The regression knows the raters, the guidelines and the generators of this campaign only.
"""
