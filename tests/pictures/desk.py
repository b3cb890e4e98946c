"""The picture of the rating desk in the README: a clip of the demo with the draft of the starter critic."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command
from playwright.sync_api import Page, sync_playwright

from accounts.models import Role, User
from annotation.models import Campaign, Draft, Slot
from annotation.rating import queue
from annotation.rating.drafts import read_proposal
from modelassist.services.simulation import find_spec
from operations import jobs, launcher
from operations.models import Job, JobState
from tests.browser.looks import WIDE, sign_in
from tests.support import browser
from tests.support.waiting import wait_until

HOST = "127.0.0.1"
IS_PLAYING = """() => {
    const video = document.querySelector("video");
    return video && video.readyState === video.HAVE_ENOUGH_DATA && !video.paused && video.currentTime > 0;
}"""
SHOW_FRAME = """seconds => new Promise(resolve => {
    const video = document.querySelector("video");
    video.pause();
    video.requestVideoFrameCallback(() => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    video.currentTime = seconds;
})"""


def photograph(out: Path) -> None:
    """Load the demo, open the desk on a clip with a good draft, and write what Chromium shows to `out`."""
    slot, seconds = prepare_desk()
    rater = slot.rater
    assert rater is not None  # the slot is claimed
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps an event loop in this thread
    with serve_site() as url, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.CHROMIUM.ensure(), args=list(browser.FLAGS))
        context = chromium.new_context(base_url=url, viewport=WIDE)
        sign_in(context, rater, url)
        page = context.new_page()
        page.goto(f"/rate/{slot.campaign.name}/")
        show_frame(page, seconds)
        page.screenshot(path=out)
        chromium.close()


def prepare_desk() -> tuple[Slot, float]:
    """Load the demo and let its starter draft. Return a slot that the demo's annotator holds, and a moment to show.

    The slot's item is the first in the annotator's queue whose draft names the defects that the clip truly has: on two
    axes at least, each of them at some time only. The moment is one at which they all show, in seconds.
    """
    call_command("migrate", interactive=False, verbosity=0)
    call_command("load_demo")
    for job in Job.objects.filter(state=JobState.QUEUED):
        jobs.run(job.pk)
    rater, campaign = User.objects.get(username=Role.ANNOTATOR.value), Campaign.objects.get()
    seen: set[int] = set()
    while (slot := queue.claim(rater=rater, campaign=campaign)) and slot.item_id not in seen:
        seen.add(slot.item_id)
        seconds = find_moment(slot)
        if seconds is not None:
            return slot, seconds
        assert slot.lease is not None  # a claimed slot has one
        queue.hand_back(rater=rater, lease=slot.lease)
    sys.exit(
        "No clip in the annotator's queue has a draft to show. Run make pictures again: each demo has other drafts."
    )


def find_moment(slot: Slot) -> float | None:
    """Return a moment at which all defects of the slot's draft show; None if it has no draft to show."""
    draft = Draft.objects.filter(item=slot.item, critic__startswith="starter@").first()
    if draft is None or slot.arm != "assisted":
        return None
    evidence = [piece for one in read_proposal(draft).axes.values() for piece in one.evidence or ()]
    true_defects = sorted(fault.defect for fault in find_spec(slot.item.clip.clip_id).faults)
    times = [piece.time for piece in evidence if piece.time]
    if len(times) < 2 or len(times) < len(evidence) or sorted(piece.defect for piece in evidence) != true_defects:
        return None
    start, end = max(time.start for time in times), min(time.end for time in times)
    return (start + end) / 2 if start < end else None


@contextmanager
def serve_site() -> Iterator[str]:
    """Run the site's web process while the body runs; yield its address."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    url = f"http://{HOST}:{port}"
    process = subprocess.Popen(launcher.build_web_command(HOST, port))
    try:
        wait_until(lambda: answers(url), what="the site")
        yield url
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError):
        return False


def show_frame(page: Page, seconds: float) -> None:
    """Stop the clip, which the desk has started, at a moment, and wait until that frame is on the screen."""
    page.wait_for_function(IS_PLAYING)
    page.evaluate(SHOW_FRAME, seconds)
