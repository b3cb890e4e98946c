"""Predict a campaign: ask one critic about all its clips, also those of val and test, and keep the answers apart.

A prediction is never a draft: no rater and no release ever gets one, so it cannot influence the ratings against which
the critic is measured.
"""

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.models import Campaign, Item
from annotation.shared.permissions import require_role
from annotation.shared.text import clean_text
from modelassist.models import Critic, Prediction, PredictionSet
from modelassist.models.scorings import KEY_LENGTH
from modelassist.reads.paired import read_blind_scores
from modelassist.services.critics import WITH_WEIGHTS, check_consent
from operations import jobs
from operations.models import JobState
from qsave.words import isolate

PREDICT_CLIPS = "predict_clips"
OPEN = frozenset({JobState.QUEUED, JobState.RUNNING})


class PredictionKeyReused(ValueError):
    """The idempotency key was sent before with another campaign, critic or choice of clips."""


class CannotAnswerDirectly(ValueError):
    """The critic is of a kind that gives no scores without reasons."""


class NothingToPredict(ValueError):
    """The campaign has no clip of the requested kind."""


@transaction.atomic
def request_predictions(
    *,
    actor: User,
    campaign: Campaign,
    critic: Critic,
    only_rated: bool = False,
    is_direct: bool = False,
    consents_to: str = "",
    key: str = "",
) -> PredictionSet:
    """Queue the predictions of a campaign's clips by a critic; `is_direct` asks for scores alone.

    The same `key` returns those of the first request.

    Raises CannotAnswerDirectly for a critic that is no local model, NothingToPredict, PredictionKeyReused, and
    ConsentMissing if the critic sends clips to a host for which no lead agreed yet, unless `consents_to` names it.
    """
    require_role(actor, Role.LEAD)
    row = PredictionSet(campaign=campaign, critic=critic, only_rated=only_rated, is_direct=is_direct, created_by=actor)
    row.key = clean_text(key)[:KEY_LENGTH]
    if row.key and (first := _find_same_key(row)):
        return first
    if is_direct and critic.kind not in WITH_WEIGHTS:
        raise CannotAnswerDirectly(_("Only a local model gives scores without reasons."))
    check_consent(actor, critic, campaign, consents_to)
    row.clips = select_items(row).count()
    if not row.clips:
        raise NothingToPredict(
            _("This campaign has no clip with a blind rating yet.")
            if only_rated
            else _("This campaign has no clip that raters can get. Import clips first.")
        )
    row.save()
    audit.record(actor=actor, action="predictions.requested", target=campaign, critic=str(critic), count=row.clips)
    queue_job(actor, row)
    return row


def _find_same_key(row: PredictionSet) -> PredictionSet | None:
    """Return what the person requested with the key of a row before. Raises PredictionKeyReused if it was different."""
    User.objects.select_for_update().get(pk=row.created_by_id)  # two requests at once: the second one waits
    first = PredictionSet.objects.filter(created_by=row.created_by, key=row.key).first()
    wanted = (row.campaign_id, row.critic_id, row.only_rated, row.is_direct)
    if first is not None and (first.campaign_id, first.critic_id, first.only_rated, first.is_direct) != wanted:
        raise PredictionKeyReused(
            _("The key %(key)s was sent before for other predictions. Send a new key.") % {"key": isolate(row.key)}
        )
    return first


def select_items(prediction_set: PredictionSet) -> QuerySet[Item]:
    """Select the clips that the set is about: of all splits, without those that are excluded or not ready."""
    items = Item.objects.filter(campaign=prediction_set.campaign_id, availability=Item.Availability.AVAILABLE)
    if prediction_set.only_rated:
        blind = read_blind_scores(prediction_set.campaign)
        items = items.filter(pk__in={item for scores in blind.values() for item in scores})
    return items.select_related("clip").order_by("pk")


def select_missing_items(prediction_set: PredictionSet) -> QuerySet[Item]:
    """Select those whose present file has no prediction yet."""
    present = Prediction.objects.filter(
        prediction_set=prediction_set, item=OuterRef("pk"), clip_version=OuterRef("clip__version")
    )
    return select_items(prediction_set).exclude(Exists(present))


@transaction.atomic
def cancel(*, actor: User, prediction_set: PredictionSet) -> bool:
    """Stop asking; what was answered stays. Returns False if the set had ended."""
    require_role(actor, Role.LEAD)
    row = _lock(prediction_set)
    if row.state not in OPEN:
        return False
    if row.job is not None:
        jobs.cancel(job=row.job, actor=actor)
    PredictionSet.objects.filter(pk=row.pk).update(cancelled_at=timezone.now())
    audit.record(actor=actor, action="predictions.cancelled", target=row.campaign, critic=str(row.critic))
    return True


@transaction.atomic
def resume(*, actor: User, prediction_set: PredictionSet) -> bool:
    """Ask about the clips that have no prediction yet, and compute the figures again; returns False while it runs."""
    require_role(actor, Role.LEAD)
    row = _lock(prediction_set)
    if row.state in OPEN:
        return False
    Prediction.objects.filter(prediction_set=row).exclude(error="").delete()
    PredictionSet.objects.filter(pk=row.pk).update(cancelled_at=None, finished_at=None)
    audit.record(actor=actor, action="predictions.resumed", target=row.campaign, critic=str(row.critic))
    queue_job(actor, row)
    return True


@transaction.atomic
def delete(*, actor: User, prediction_set: PredictionSet) -> None:
    """Delete the predictions; a job that works on them stops."""
    require_role(actor, Role.LEAD)
    row = _lock(prediction_set)
    if row.job is not None:
        jobs.cancel(job=row.job, actor=actor)
    audit.record(actor=actor, action="predictions.deleted", target=row.campaign, critic=str(row.critic))
    row.delete()


@transaction.atomic
def continue_later(prediction_set: PredictionSet, actor: User | None) -> None:
    """Queue the next job, unless the set was cancelled meanwhile."""
    row = _lock(prediction_set)
    if row.cancelled_at is None:
        queue_job(actor, row)


def queue_job(actor: User | None, row: PredictionSet) -> None:
    job = jobs.enqueue(actor=actor, kind=PREDICT_CLIPS, arguments={"prediction_set": row.pk})
    PredictionSet.objects.filter(pk=row.pk).update(job=job)
    row.job = job


def _lock(prediction_set: PredictionSet) -> PredictionSet:
    rows = PredictionSet.objects.select_for_update(of=("self",)).select_related("job", "critic", "campaign")
    return rows.get(pk=prediction_set.pk)
