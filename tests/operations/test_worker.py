"""A real worker process on the real broker: killed, ended, started again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from operations import jobs
from operations.models import Job, JobState
from tests.support import processes
from tests.support.slow_worker import KIND
from tests.support.waiting import LIMIT_SECONDS, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

QUICK = {"QSAVE_JOB_HEARTBEAT_SECONDS": "1", "QSAVE_JOB_STALE_SECONDS": "600", "QSAVE_JOB_SWEEP_SECONDS": "1"}
"""A job does not fall silent, however slow the machine is: whether its worker lives is known otherwise."""
WORKER = ("-m", "tests.support.slow_worker")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    job = Job.objects.create(kind=KIND, arguments={"file": str(tmp_path / "finish")})
    jobs.nudge(job)
    return job


def has_state(job: Job, state: JobState) -> Callable[[], bool]:
    return lambda: Job.objects.filter(pk=job.pk, state=state).exists()


def test_a_job_whose_worker_is_killed_is_done_by_the_next(job: Job, tmp_path: Path) -> None:
    with processes.python(*WORKER, log=tmp_path / "first", **QUICK) as first:
        wait_until(has_state(job, JobState.RUNNING), what="a running job")
        first.kill()
        first.wait()
    (tmp_path / "finish").touch()
    with processes.python(*WORKER, log=tmp_path / "second", **QUICK):
        wait_until(has_state(job, JobState.DONE), what="the job's second run")
    job.refresh_from_db()
    assert job.result == {"attempt": 2}


def test_a_worker_told_to_end_hands_its_job_back_and_ends_cleanly(job: Job, tmp_path: Path) -> None:
    with processes.python(*WORKER, log=tmp_path / "log", **QUICK) as worker:
        wait_until(has_state(job, JobState.RUNNING), what="a running job")
        worker.terminate()
        assert worker.wait(timeout=LIMIT_SECONDS) == 0, (tmp_path / "log").read_text()
    job.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.QUEUED, 0)
