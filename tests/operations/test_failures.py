"""A failed job needs somebody until it is started again, or is old."""

from datetime import timedelta

import pytest
from django.utils import timezone

from operations.failures import OLD_AFTER, list_failed_jobs
from operations.models import Job, JobState

HOUR = timedelta(hours=1)


def add_job(state: JobState, *, age: timedelta, campaign: int = 1, kind: str = "import_clips") -> Job:
    now = timezone.now()
    job = Job.objects.create(kind=kind, state=state, arguments={"campaign": campaign}, finished_at=now - age)
    Job.objects.filter(pk=job.pk).update(created_at=now - age)
    return job


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("jobs", "count"),
    [
        ([(JobState.FAILED, HOUR)], 1),
        ([(JobState.FAILED, OLD_AFTER - HOUR)], 1),
        ([(JobState.FAILED, OLD_AFTER + HOUR)], 0),
        ([(JobState.CANCELLED, HOUR)], 0),
        ([(JobState.FAILED, 3 * HOUR), (JobState.DONE, HOUR)], 0),
        ([(JobState.FAILED, 3 * HOUR), (JobState.QUEUED, HOUR)], 0),
        ([(JobState.FAILED, 3 * HOUR), (JobState.FAILED, HOUR)], 1),
        ([(JobState.DONE, 3 * HOUR), (JobState.FAILED, HOUR)], 1),
    ],
)
def test_the_newest_job_of_a_subject_decides(jobs: list[tuple[JobState, timedelta]], count: int) -> None:
    for state, age in jobs:
        add_job(state, age=age)
    assert len(list_failed_jobs(["import_clips"], subject="campaign", now=timezone.now())) == count


@pytest.mark.django_db
def test_another_subject_or_kind_settles_nothing() -> None:
    failed = add_job(JobState.FAILED, age=3 * HOUR)
    add_job(JobState.DONE, age=HOUR, campaign=2)
    add_job(JobState.DONE, age=HOUR, kind="copy_clips")
    assert list_failed_jobs(["import_clips", "copy_clips"], subject="campaign", now=timezone.now()) == [failed]
