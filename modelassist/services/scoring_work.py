"""Run the job that scores one clip: read its file, ask the critic, store the answer. Only workers load this module."""

import time

from annotation.intake.clip_records import StoredVideo, make_file_values
from annotation.rating.drafts import TEXT_LIMIT
from annotation.shared.text import clean_json, clean_text
from modelassist.kinds.base import ClipAnswer, ClipQuestion, CriticUnavailable
from modelassist.kinds.clips import ClipUnreadableError, prepare_file
from modelassist.models import Scoring
from modelassist.services.consent import find_host
from modelassist.services.proposers import choose_proposer
from modelassist.services.scoring import ORIGINAL, RENDITION, get_folder
from operations.jobs import JobError, JobRun
from qsave.proposal import Proposal, proposal_to_json
from qsave.scratch import strip_proposal
from qsave.taxonomy import DEFAULT_TAXONOMY

MAX_JSON_BYTES = 1_000_000


def score_clip(job: JobRun) -> dict[str, object]:
    """Score the clip `scoring` (its key). A repeated job is safe: an answer that is stored stays."""
    scoring = Scoring.objects.select_related("critic").filter(pk=job.arguments["scoring"]).first()
    if scoring is None:
        raise JobError("This clip was deleted before it was scored.")
    if scoring.proposal is None:
        if not scoring.facts:
            job.report_progress(0.1, "reading the clip")
            _read_file(scoring, job)
        _store_answer(scoring, job)
    return {"critic": str(scoring.critic)}


def _read_file(scoring: Scoring, job: JobRun) -> None:
    """Read the properties of the file, and make the copy that plays. Raises JobError if it is no video."""
    folder = get_folder(scoring)
    try:
        file = prepare_file(folder / ORIGINAL, folder / RENDITION, lambda: job.report_progress(0.1, "reading the clip"))
    except (ClipUnreadableError, CriticUnavailable) as problem:
        raise JobError(str(problem)) from None
    scoring.facts = {
        **make_file_values(StoredVideo(scoring.sha256, ORIGINAL, file.facts)),
        "rendition": RENDITION if file.is_copied else "",
        "shown_times": file.times,
        "has_audio": file.facts.has_audio and not file.loss,
    }
    Scoring.objects.filter(pk=scoring.pk).update(facts=scoring.facts)


def _store_answer(scoring: Scoring, job: JobRun) -> None:
    started = time.monotonic()
    answer = _ask(scoring, job)
    if answer.proposal is None:
        Scoring.objects.filter(pk=scoring.pk).update(text=clean_text(answer.text)[:TEXT_LIMIT])
        raise JobError(answer.error)
    Scoring.objects.filter(pk=scoring.pk).update(
        proposal=_encode(answer.proposal),
        text=clean_text(answer.text)[:TEXT_LIMIT],
        seconds=time.monotonic() - started,
    )


def _ask(scoring: Scoring, job: JobRun) -> ClipAnswer:
    """Ask the critic. Raises JobError if it cannot load or answer, or would send the clip where nobody agreed to."""
    host = find_host(scoring.critic)
    if host != scoring.host:
        raise JobError(
            f"{scoring.critic} sends clips to {host or 'no host'} now. Send the clip again to agree to that."
        )
    message = f"{scoring.critic} looks at the clip"

    def report() -> None:
        job.report_progress(0.4, message)

    report()
    question = ClipQuestion(get_folder(scoring) / ORIGINAL, scoring.prompt, DEFAULT_TAXONOMY)
    try:
        [answer] = choose_proposer(scoring.critic, report).propose([question])
    except CriticUnavailable as problem:
        raise JobError(str(problem)) from None
    return answer


def _encode(proposal: Proposal) -> object:
    try:
        return clean_json(proposal_to_json(strip_proposal(proposal)), max_bytes=MAX_JSON_BYTES)
    except ValueError as problem:
        raise JobError(f"The answer {problem}.") from None
