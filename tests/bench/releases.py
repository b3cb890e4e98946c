"""Building a release without media: seconds and peak memory of the process, with the intervals of the card."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench import pages

ROOT = Path(__file__).resolve().parents[2]
RATINGS = 3
CLIPS = 10_000
MOST_SECONDS, MOST_MEGABYTES = 5, 200
LARGE = (33_334, 333_334)
"""Clips of campaigns with 100,000 and 1,000,000 ratings or more, whose peaks of memory are compared."""
MOST_GROWTH = 1.2


def measure_all() -> Iterator[str]:
    """Build each release in a process of its own, so that its peak of memory is that of the build."""
    seconds, peak = _build(CLIPS)
    met = seconds <= MOST_SECONDS and peak <= MOST_MEGABYTES
    good = "good" if met else f"BEYOND {MOST_SECONDS} s or {MOST_MEGABYTES} MB"
    yield f"{_line(CLIPS, seconds, peak)}, {good}"
    peaks = []
    for clips in LARGE:
        seconds, peak = _build(clips)
        peaks.append(peak)
        yield _line(clips, seconds, peak)
    growth = peaks[1] / peaks[0]
    good = "good" if growth <= MOST_GROWTH else f"BEYOND {MOST_GROWTH}"
    yield f"peak memory of 1,000,000 ratings / of 100,000: {growth:.2f}, {good}"


def _line(clips: int, seconds: float, peak: float) -> str:
    return f"release, {clips:,} clips, {RATINGS * clips:,} ratings or more: {seconds:.1f} s, {peak:.0f} MB"


def _build(clips: int) -> tuple[float, float]:
    """Return the seconds and the MB that the build of a release of a new campaign takes."""
    campaign = pages.make_campaign(clips, RATINGS)
    _store_frame_times(campaign)
    command = [sys.executable, "-m", "tests.bench.releases", campaign.name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=dict(os.environ))
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    seconds, megabytes = done.stdout.split()[-2:]
    return float(seconds), float(megabytes)


def _store_frame_times(campaign: Any) -> None:
    """Store the frame times that the import of a clip stores."""
    from annotation.models import Clip
    from qsave.frames.slowfast import FrameConfig

    times = {"fast": [round(n / 16, 6) for n in range(0, 81, 2)], "slow": [round(n / 16, 6) for n in range(0, 81, 10)]}
    Clip.objects.filter(items__campaign=campaign).update(frame_times={FrameConfig().compute_key(): times})


def main() -> None:
    """Build a release of the campaign in this process, and print its seconds and its peak memory in MB."""
    import time

    import django

    django.setup()
    from accounts.models import Role, User
    from annotation.models import Campaign
    from datasets.services.policy import ReleasePolicy
    from datasets.services.releases import build_release
    from tests.support.memory import read_peak_bytes

    campaign = Campaign.objects.get(name=sys.argv[1])
    engineer, _created = User.objects.get_or_create(username="bench-engineer", defaults={"role": Role.ENGINEER})
    started = time.perf_counter()
    build_release(actor=engineer, campaign=campaign, name="bench", policy=ReleasePolicy(media="none"))
    print(time.perf_counter() - started, read_peak_bytes() / 2**20)


if __name__ == "__main__":
    main()
