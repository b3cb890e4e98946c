"""The background jobs of critics and runs."""

from dataclasses import asdict

from modelassist.services import adding, drafting, fitting, measuring, predicting, runs, scoring
from operations.jobs import JobRun, job_kind


@job_kind(drafting.KIND, alone=True)
def draft_items(run: JobRun) -> dict[str, object]:
    return asdict(drafting.draft_items(run))


@job_kind(adding.KIND, alone=True)
def add_critic(run: JobRun) -> dict[str, object]:
    critic, trial = adding.add_critic(run)
    return {"critic": str(critic), "critic_id": critic.pk, "trial": trial}


@job_kind(runs.KIND, queue="training", alone=True)
def train_critic(run: JobRun) -> dict[str, object]:
    critic = runs.train(run)
    return {"critic": str(critic), "critic_id": critic.pk}


@job_kind(scoring.SCORE_CLIP)
def score_clip(run: JobRun) -> dict[str, object]:
    from modelassist.services.scoring_work import score_clip as score  # the web process must not load what decodes

    return score(run)


@job_kind(predicting.PREDICT_CLIPS, alone=True)
def predict_clips(run: JobRun) -> dict[str, object]:
    from modelassist.services.predicting_work import predict_clips as predict  # only the worker needs it

    return predict(run)


@job_kind(measuring.MEASURE_CLIPS, queue="long")
def measure_clips(run: JobRun) -> dict[str, object]:
    return measuring.measure_clips(run)


@job_kind(fitting.FIT_SCORES, queue="long")
def fit_detector_scores(run: JobRun) -> dict[str, object]:
    fit = fitting.fit_scores(run)
    return {"critic": str(fit.critic or ""), "critic_id": fit.critic_id, "clips": fit.clips, "reasons": fit.reasons}
