"""The figures of agreement of large campaigns in both arms: seconds and memory of the worker, and of the MOS CSV."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench import pages

ROOT = Path(__file__).resolve().parents[2]
RATINGS = 4
SIZES = {50_000: (8, 600), 250_000: (40, 1500)}
"""Clips of a campaign, and the most seconds and MB that its figures may take."""
MOST_MS, MOST_KB = 150, 150
"""The slowest and the largest section of the page that count as good, from the stored figures."""
VISITS = 5
CSV_SIZES = (10_000, 100_000)
_DRAFTED = [
    """INSERT INTO annotation_draft (item_id, critic, proposal, text, latency_ms, clip_version, created_at)
        SELECT id, 'bench@1', CAST(REPLACE(%s, '1.5', CAST(1 + id %% 5 AS TEXT)) AS jsonb), '', 0, 1, now()
        FROM annotation_item WHERE campaign_id = %s""",
    """UPDATE annotation_rating SET draft_id = draft.id, exposure = 'from_start' FROM annotation_draft draft
        WHERE draft.item_id = annotation_rating.item_id AND arm = 'assisted' AND critic = 'bench@1'""",
    """UPDATE annotation_axisanswer SET exposure = 'from_start', draft_use = 'edited',
            draft_edit_distance = revision.id %% 40
        FROM annotation_ratingrevision revision JOIN annotation_rating rating ON rating.id = revision.rating_id
        WHERE revision.id = annotation_axisanswer.revision_id AND rating.draft_id IS NOT NULL""",
]


def make_campaign(clips: int) -> Any:
    """Make a campaign with four or five ratings a clip, half of them beside a draft on all axes."""
    from django.db import connection

    from qsave.proposal import AxisProposal, Proposal, proposal_to_json

    campaign = pages.make_campaign(clips, RATINGS)
    axis = AxisProposal(score=1.5, reason="It is soft all the time.")
    proposal = json.dumps(proposal_to_json(Proposal(visual=axis, dynamic=axis, alignment=axis)))
    with connection.cursor() as cursor:
        for statement, values in zip(_DRAFTED, ([proposal, campaign.pk], None, []), strict=True):
            cursor.execute(statement.replace("%%", "%") if values is None else statement, values)
        cursor.execute("VACUUM ANALYZE")
    return campaign


def measure_all() -> Iterator[str]:
    """Measure each size in a process of its own, so that its peak of memory is that of the figures."""
    for clips, (seconds, megabytes) in SIZES.items():
        campaign = make_campaign(clips)
        took, peak = _run("figures", campaign.name)
        good = "good" if took <= seconds and peak <= megabytes else f"BEYOND {seconds} s or {megabytes} MB"
        yield f"agreement figures, {clips:,} clips, {RATINGS * clips:,} ratings: {took:.1f} s, {peak:.0f} MB, {good}"
        slowest, largest = _run("sections", campaign.name)
        good = "good" if slowest <= MOST_MS and largest <= MOST_KB else f"BEYOND {MOST_MS} ms or {MOST_KB} kB"
        yield f"agreement page, {clips:,} clips: slowest section {slowest:.0f} ms, largest {largest:.0f} kB, {good}"

    for clips in CSV_SIZES:
        took, peak = _run("csv", make_campaign(clips).name)
        yield f"MOS as CSV, {clips:,} clips: {took:.1f} s, {peak:.0f} MB"


def _run(what: str, campaign: str) -> tuple[float, float]:
    """Return the two numbers that an act prints: its seconds and the peak memory of its process in MB; of `sections`,
    milliseconds of the slowest one and kB of the largest one."""
    command = [sys.executable, "-m", "tests.bench.agreement", what, campaign]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=dict(os.environ))
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    seconds, megabytes = done.stdout.split()[-2:]
    return float(seconds), float(megabytes)


def main() -> None:
    """Do one act in this process, and print its two numbers (`_run`)."""
    import time

    import django

    django.setup()
    from annotation.agreement.mos_csv import write_mos_csv
    from annotation.agreement.stored import compute_figures
    from annotation.models import Campaign
    from tests.support.memory import read_peak_bytes

    what, name = sys.argv[1:]
    campaign = Campaign.objects.get(name=name)
    if what == "sections":
        print(*_measure_sections(campaign.name))
        return
    started = time.perf_counter()
    if what == "figures":
        compute_figures(campaign)
    else:
        sum(len(line) for line in write_mos_csv(campaign))
    seconds = time.perf_counter() - started
    print(seconds, read_peak_bytes() / 2**20)


def _measure_sections(name: str) -> tuple[float, float]:
    """Return the milliseconds of the slowest section (the median of VISITS), and the kB of the largest one."""
    import time
    from statistics import median

    from django.test import Client

    from accounts.models import User
    from annotation.agreement.page_sections import PAGE_SECTIONS

    client = Client(headers={"host": "127.0.0.1", "HX-Request": "true"})
    client.force_login(User.objects.get(username=pages.LEAD))
    slowest = largest = 0.0
    for section in PAGE_SECTIONS:
        path, times = f"/campaigns/{name}/agreement/{section.id}", []
        for _visit in range(1 + VISITS):
            started = time.perf_counter()
            answer = client.get(path)
            times.append(1000 * (time.perf_counter() - started))
            assert answer.status_code == 200, path
            largest = max(largest, len(answer.content) / 1000)
        slowest = max(slowest, median(times[1:]))
    return slowest, largest


if __name__ == "__main__":
    main()
