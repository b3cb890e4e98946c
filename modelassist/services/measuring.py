"""Measure the files of real clips by the detectors, for the strip under their timeline.

A job works for half a minute, after imports and releases that wait. It is queued again while files are left.
"""

import time
from pathlib import Path

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from annotation.models import Clip
from modelassist.kinds.base import CriticUnavailable
from modelassist.models import ClipReadings
from modelassist.services.builtin import NAME as DETECTORS
from operations.jobs import JobError, JobRun, enqueue
from operations.models import Job, JobState
from qsave.detectors.features import FEATURES_VERSION
from qsave.detectors.readings import VERSION as READINGS_VERSION
from qsave.detectors.strip import STRIP_VERSION

MEASURE_CLIPS = "measure_clips"
FEATURES_KEY = 1000 * READINGS_VERSION + FEATURES_VERSION
"""Changes when the same file gets other features."""
SECONDS_A_JOB = 30
BATCH = 20


def queue_measuring() -> bool:
    """Queue a job if a file was not measured yet and no such job waits; returns whether it did."""
    open_jobs = Job.objects.filter(kind=MEASURE_CLIPS, state__in=[JobState.QUEUED, JobState.RUNNING])
    if settings.DEFAULT_CRITIC != DETECTORS or open_jobs.exists() or not select_unmeasured().exists():
        return False
    enqueue(actor=None, kind=MEASURE_CLIPS, arguments={})
    return True


def select_unmeasured() -> QuerySet[Clip]:
    """Select the clips whose file has no readings of this version. Simulated clips are left out."""
    measured = ClipReadings.objects.filter(sha256=OuterRef("sha256"), version=STRIP_VERSION)
    clips = Clip.objects.filter(is_ready=True, is_simulated=False, withdrawn_at=None)
    return clips.exclude(Exists(measured)).order_by("-pk")


def measure_clips(job: JobRun) -> dict[str, object]:
    """Measure files until half a minute has passed or none is left. A repeated job is safe: each file counts once."""
    deadline, done = time.monotonic() + SECONDS_A_JOB, 0
    while clips := list(select_unmeasured().only("sha256", "original")[:BATCH]):
        for clip in clips:
            if time.monotonic() >= deadline:
                return {"measured": done}
            job.report_progress(0.5, f"{done} clips measured")
            measure_file(clip)
            done += 1
    return {"measured": done}


def read_features(clip: Clip) -> list[float]:
    """Return the features of a clip's file, measured now if they are not stored; empty if it cannot be measured.

    Raises JobError if the machine has no process to measure with.
    """
    stored = ClipReadings.objects.filter(sha256=clip.sha256, features_key=FEATURES_KEY).first()
    values: list[float] = (stored or measure_file(clip)).features
    return values


def measure_file(clip: Clip) -> ClipReadings:
    """Measure a clip's file and store its readings; they are empty if the file cannot be measured."""
    from modelassist.kinds.clips import measure_video  # only the worker needs it

    try:
        measured = measure_video(Path(settings.MEDIA_ROOT) / clip.original)
    except CriticUnavailable as problem:
        raise JobError(str(problem)) from None
    values = {
        "version": STRIP_VERSION,
        "strip": measured.strip,
        "features": measured.features,
        "features_key": FEATURES_KEY,
    }
    row, _is_new = ClipReadings.objects.update_or_create(sha256=clip.sha256, defaults=values)
    return row
