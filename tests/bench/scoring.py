"""How long a clip that is sent to be scored waits for a worker: from the click to "running", and to the answer.

A worker runs as `make run` starts it; the page is posted in this process. Run by `make bench PART=critics`.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from accounts.services import create_user
from modelassist.models import Critic, Scoring
from modelassist.services.builtin import register_detectors
from operations.launcher import WORKERS, build_worker_command
from operations.models import JobState
from tests.bench.frames import bench_clip
from tests.bench.measures import line
from tests.support.waiting import wait_until

ROUNDS = 11
ROOT = Path(__file__).parents[2]


def scoring(folder: Path) -> Iterator[str]:
    """Yield the median and the longest wait of some clips, one after the other, on an idle site."""
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(create_user(actor=None, username="bench-lead", password=None, role=Role.LEAD))
    critic, clip = register_detectors(), bench_clip(folder).read_bytes()
    with _worker(folder):
        times = [_measure(client, critic, clip) for _ in range(ROUNDS + 1)][1:]  # the first waits for the worker
    waits, answers = ([one[place] for one in times] for place in (0, 1))
    yield line(
        "a clip to score: click to running",
        f"median {1000 * median(waits):.0f} ms, longest {1000 * max(waits):.0f} ms (bound: 2000 ms)",
    )
    yield line("a clip to score: click to answer, detectors", f"median {1000 * median(answers):.0f} ms")


def _measure(client: Client, critic: Critic, clip: bytes) -> tuple[float, float]:
    """Return the seconds from the click until a worker has the job, and until it has the answer."""
    began = time.time()
    body = {"video": SimpleUploadedFile("clip.mp4", clip), "prompt": "A made clip", "critic": critic.pk}
    client.post(reverse("score"), body)
    one = Scoring.objects.select_related("job").latest("created_at")
    assert one.job is not None
    job = one.job

    def has_ended() -> bool:
        job.refresh_from_db()
        return job.state in {JobState.DONE, JobState.FAILED}

    wait_until(has_ended, what="the answer")
    if job.state == JobState.FAILED or job.started_at is None or job.finished_at is None:
        raise RuntimeError(job.error)
    return job.started_at.timestamp() - began, job.finished_at.timestamp() - began


@contextmanager
def _worker(folder: Path) -> Iterator[None]:
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            build_worker_command("short", threads=WORKERS["short"], prefetch=WORKERS["short"]),
            cwd=ROOT,
            env=dict(os.environ),
            stdout=log,
            stderr=log,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)
