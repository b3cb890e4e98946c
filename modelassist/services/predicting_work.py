"""Run the job that predicts a campaign: ask the critic in batches, store each answer, then compute the figures."""

import time
from collections.abc import Sequence
from dataclasses import replace

from django.utils import timezone

from annotation.models import Item
from annotation.shared.text import clean_json, clean_text
from modelassist.bridge import make_questions
from modelassist.kinds.base import ClipAnswer, CriticUnavailable
from modelassist.models import Prediction, PredictionSet
from modelassist.models.predictions import ERROR_LENGTH
from modelassist.reads.prediction_figures import compute_figures
from modelassist.services.predicting import continue_later, select_items, select_missing_items
from modelassist.services.proposers import make_proposer
from operations.jobs import JobError, JobRun
from qsave.proposal import proposal_to_json
from qsave.scratch import strip_proposal

BATCH = 8
SECONDS_A_JOB = 60
"""After this time a job queues the next one and ends, so that imports and releases get their turn."""
MAX_JSON_BYTES = 1_000_000


def predict_clips(job: JobRun) -> dict[str, object]:
    """Predict the clips of the set `prediction_set` (its key). A repeated job is safe: no clip is asked about twice."""
    sets = PredictionSet.objects.select_related("campaign", "critic").filter(pk=job.arguments["prediction_set"])
    row = sets.first()
    if row is None:
        raise JobError("These predictions were deleted.")
    deadline = time.monotonic() + SECONDS_A_JOB
    total = select_items(row).count()
    sets.update(clips=total)
    while items := list(select_missing_items(row)[:BATCH]):
        if time.monotonic() >= deadline:
            continue_later(row, job.job.created_by)
            return {"finished": False}
        _predict(row, items, job, total)
    figures = compute_figures(row)
    sets.filter(cancelled_at=None).update(figures=figures, finished_at=timezone.now())
    return {"finished": True}


def _predict(row: PredictionSet, items: Sequence[Item], job: JobRun, total: int) -> None:
    """Ask about one batch and store the answers. Raises JobError if the critic itself fails."""
    done = Prediction.objects.filter(prediction_set=row).count()

    def report() -> None:
        job.report_progress(min(done / max(1, total), 0.99), f"{row.critic}: {done} of {total} clips")

    report()
    try:
        answers = make_proposer(row.critic, campaign=row.campaign, on_wait=report).propose(
            [replace(question, is_direct=row.is_direct) for question in make_questions(row.campaign, items)]
        )
    except CriticUnavailable as problem:
        raise JobError(str(problem)) from None
    for item, answer in zip(items, answers, strict=True):
        Prediction.objects.update_or_create(
            prediction_set=row, item=item, defaults={"clip_version": item.clip.version, **_encode(answer)}
        )


def _encode(answer: ClipAnswer) -> dict[str, object]:
    """Return the fields of a prediction: the proposal, or why it is missing."""
    error = answer.error
    if answer.proposal is not None:
        try:
            value = clean_json(proposal_to_json(strip_proposal(answer.proposal)), max_bytes=MAX_JSON_BYTES)
            return {"proposal": value, "error": ""}
        except ValueError as problem:
            error = f"The answer {problem}."
    return {"proposal": None, "error": clean_text(error)[:ERROR_LENGTH] or "The critic gave no report card."}
