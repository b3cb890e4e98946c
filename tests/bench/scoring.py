"""How long a clip that is sent to be scored waits for a worker: from the click to "running", and to the answer.

A worker runs as `make run` starts it; the page is posted in this process. Measured on an idle site, and while the
detectors draft for two campaigns. Run by `make bench PART=critics`.
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from accounts.services import create_user
from annotation.campaigns.campaigns import create_campaign
from annotation.intake.clips import import_manifest
from annotation.models import Campaign, Draft
from modelassist.models import Critic, Scoring
from modelassist.services.builtin import register_detectors
from modelassist.services.critics import activate
from modelassist.services.drafting import enqueue_drafts
from operations.launcher import WORKERS, build_worker_command
from operations.models import JobState
from tests.bench.frames import bench_clip
from tests.bench.measures import line
from tests.support.waiting import wait_until

ROUNDS = 11
DRAFTED = 120
"""Clips of each campaign that is drafted meanwhile; they are drafted again where half of them have a draft."""
ROOT = Path(__file__).parents[2]


def scoring(folder: Path) -> Iterator[str]:
    """Yield the median and the longest wait of some clips, one after the other, on an idle site, then on a busy one."""
    client = Client(headers={"host": "127.0.0.1"})
    lead = create_user(actor=None, username="bench-lead", password=None, role=Role.LEAD)
    client.force_login(lead)
    critic, clip = register_detectors(), bench_clip(folder)
    with _worker(folder):
        yield from _measure_all(client, critic, clip, "idle site")
        campaigns = [_draft(lead, critic, clip, number) for number in range(2)]
        wait_until(Draft.objects.exists, what="the first draft")
        yield from _measure_all(client, critic, clip, "two campaigns drafted", lambda: _keep_drafting(campaigns))


def _measure_all(
    client: Client, critic: Critic, clip: Path, when: str, prepare: Callable[[], None] = lambda: None
) -> Iterator[str]:
    """Yield the lines of some clips; `prepare` is called before each."""
    content = clip.read_bytes()
    times = []
    for _ in range(ROUNDS + 1):
        prepare()
        times.append(_measure(client, critic, content))
    del times[0]  # it waits for the worker
    waits, answers = ([one[place] for one in times] for place in (0, 1))
    yield line(
        f"a clip to score, {when}: click to running",
        f"median {1000 * median(waits):.0f} ms, longest {1000 * max(waits):.0f} ms (bound: 2000 ms)",
    )
    yield line(
        f"a clip to score, {when}: click to answer",
        f"median {1000 * median(answers):.0f} ms, longest {1000 * max(answers):.0f} ms",
    )


def _draft(lead: User, critic: Critic, clip: Path, number: int) -> Campaign:
    """Have the detectors draft for a new campaign with many copies of a clip."""
    name = f"drafted-{number}"
    campaign = create_campaign(actor=lead, name=name, title=name, assisted_share=1.0, overlap=1)
    rows = "".join(f"{name}-{row},{clip.name},The square {number} {row},made\n" for row in range(DRAFTED))
    manifest = clip.with_name(f"{name}.csv")
    manifest.write_text(f"clip_id,video,prompt,generator\n{rows}")
    import_manifest(actor=lead, campaign=campaign, manifest=manifest)
    activate(actor=lead, critic=critic, campaign=campaign)
    return campaign


def _keep_drafting(campaigns: Sequence[Campaign]) -> None:
    """Let each campaign have half of its clips to draft, so that the drafting outlasts a measurement."""
    for campaign in campaigns:
        drafts = Draft.objects.filter(item__campaign=campaign)
        if drafts.count() > DRAFTED // 2:
            drafts.delete()
            enqueue_drafts(actor=None, campaign=campaign)


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
    queues, threads = next((queues, threads) for queues, threads in WORKERS.items() if "short" in queues)
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            build_worker_command(queues, threads=threads, prefetch=threads),
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
