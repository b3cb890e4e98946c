"""Imports: rows staged, grouped and compared with files; memory of a large table; one decode; clips per second.

Each part runs in a process of its own, so that its memory is its own. Run by `make bench PART=imports`.
"""

import csv
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accounts.models import User
    from annotation.models import ClipImport

ROWS, PROMPTS, MANY_ROWS = 10_000, 2_500, 100_000
CLIPS = 600
"""Enough that the start of a process, two seconds, matters little."""
ROUNDS = 3
_ROOT = Path(__file__).parents[2]


def imports(folder: Path) -> Iterator[str]:
    """Measure staging and the preview on PostgreSQL and SQLite, then one decode, then clips per second."""
    from tests.bench.measures import line

    sqlite = {"DATABASE_URL": "", "QSAVE_VAR": str(folder / "sqlite")}
    for name, changes in (("PostgreSQL", {}), ("SQLite", sqlite)):
        seconds = median(float(_run("stage", folder, ROWS, **changes)[0]) for _ in range(ROUNDS))
        yield line(f"{ROWS} rows, {PROMPTS} prompts staged and grouped", f"{seconds:.2f} s on {name}")
    few, many = (_run("stage", folder, rows) for rows in (ROWS, MANY_ROWS))
    yield line(
        f"{MANY_ROWS} rows staged and grouped",
        f"{float(many[0]):.1f} s, {many[1]} MB at most ({few[1]} MB for {ROWS} rows)",
    )
    for name, changes in (("PostgreSQL", {}), ("SQLite", sqlite)):
        new, present = _run("preview", folder, ROWS, **changes)
        figures = f"{float(new):.1f} s on {name}, {float(present):.1f} s if all clips are here"
        yield line(f"{ROWS} rows with files staged and compared for the preview", figures)
    yield _measure_decode(folder)
    rates = {workers: CLIPS / float(_run("clips", folder, workers)[0]) for workers in (1, 2)}
    yield line(f"{CLIPS} small clips ready", ", ".join(f"{rate:.0f}/s with {n} workers" for n, rate in rates.items()))


def _measure_decode(folder: Path) -> str:
    """Compare facts, poster and SlowFast times from one decode with the bare decode: processor seconds, in turn."""
    from qsave.frames.container import read_shown_frames
    from qsave.frames.inspection import inspect
    from qsave.frames.slowfast import FrameConfig
    from tests.bench.frames import bench_clip, measure_processor_seconds
    from tests.bench.measures import line

    clip, config = bench_clip(folder), FrameConfig()
    bare, ours = [], []
    for _ in range(2 * ROUNDS + 1):
        bare.append(measure_processor_seconds(lambda: sum(1 for _ in read_shown_frames(clip))))
        ours.append(measure_processor_seconds(lambda: inspect(clip, config, folder / "poster.jpg")))
    figures = f"bare decode {1000 * median(bare):.0f} ms, in one decode {1000 * median(ours):.0f} ms"
    return line("facts, poster and SlowFast times", f"{figures}: {median(ours) / median(bare):.2f}x")


def _run(part: str, folder: Path, size: int, **changes: str) -> list[str]:
    command = [sys.executable, "-m", "tests.bench.imports", part, str(folder), str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_ROOT, env=os.environ | changes)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout.split()


def write_table(path: Path, rows: int) -> None:
    """Write a manifest of `rows` rows with PROMPTS prompts of words as rare as those of a language."""
    random = Random(0)
    words = [f"{random.choice('bcdfghklmnprst')}{random.choice('aeiou')}{number:x}" for number in range(4000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    prompts = [" ".join(random.choices(words, weights, k=random.randint(8, 24))) for _ in range(PROMPTS)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["clip_id", "video", "prompt", "generator", "seed", "steps"])
        for number in range(rows):
            prompt, generator = prompts[number % PROMPTS], f"model-{number // PROMPTS % 4}"
            writer.writerow([f"{rows}-{number}", f"v/{number}.mp4", prompt, generator, number, 50])


def write_clips(folder: Path, count: int) -> Path:
    """Write `count` small videos of different bytes with their manifest."""
    from tests.annotation.factories import make_video

    folder.mkdir(parents=True, exist_ok=True)
    videos = [make_video(40 + 20 * number) for number in range(8)]
    random = Random(str(folder))
    lines = ["video,prompt,generator"]
    for number in range(count):
        mark = struct.pack(">I4sQ", 16, b"free", random.getrandbits(64))  # other bytes, the same pictures
        (folder / f"{number}.mp4").write_bytes(videos[number % len(videos)] + mark)
        lines.append(f"{number}.mp4,prompt {number % 50} of many {number % 7},toy")
    manifest = folder / "manifest.csv"
    manifest.write_text("\n".join(lines))
    return manifest


def _stage(folder: Path, rows: int) -> str:
    from annotation.intake.staging import group_rows, stage_rows
    from annotation.models import ClipImport, GroupedPrompt, PromptGroup
    from tests.support.memory import read_peak_bytes

    table = folder / f"{rows}.csv"
    if not table.exists():
        write_table(table, rows)
    GroupedPrompt.objects.all().delete()
    PromptGroup.objects.filter(clips=None).delete()
    clip_import = ClipImport.objects.create(manifest=str(table), created_by=_make_lead())
    started = time.perf_counter()
    stage_rows(clip_import)
    group_rows(clip_import)
    seconds = time.perf_counter() - started
    peak = read_peak_bytes() // 2**20
    return f"{seconds} {peak}"


def _preview(folder: Path, rows: int) -> str:
    """Time the preview of a table with its files: of new clips, then of clips that are all here with lost files."""
    from annotation.intake.import_preview import preview_import
    from annotation.models import ClipImport

    table = folder / "preview" / f"{rows}.csv"
    if not table.exists():
        (table.parent / "v").mkdir(parents=True)
        write_table(table, rows)
        for number in range(rows):
            (table.parent / "v" / f"{number}.mp4").write_bytes(str(number).encode() * 1000)
    lead, seconds = _make_lead(), []
    for present in (0, rows):
        clip_import = ClipImport.objects.create(manifest=str(table), created_by=lead)
        started = time.perf_counter()
        preview_import(clip_import)
        seconds.append(time.perf_counter() - started)
        assert clip_import.preview.get("present", 0) == present
        if not present:
            _store_clips(clip_import, table.parent)
    return " ".join(map(str, seconds))


def _store_clips(clip_import: "ClipImport", folder: Path) -> None:
    """Store a clip for each row, as if its video had been decoded."""
    from annotation.intake.clip_records import StoredVideo, build_clip
    from annotation.intake.staging import group_rows, load_row
    from annotation.models import Clip
    from qsave.frames.probe import probe
    from tests.bench.frames import bench_clip

    group_rows(clip_import)
    facts, clips = probe(bench_clip(folder)), []
    for stored in clip_import.rows.order_by("number"):
        row = load_row(stored)
        content = (folder / row.video).read_bytes()
        video = StoredVideo(sha256(content).hexdigest(), "clips/lost.mp4", replace(facts, bytes=len(content)))
        clips.append(build_clip(row, video, simulated=True, splits_of_video=()))
    Clip.objects.bulk_create(clips, batch_size=1000)
    Clip.objects.update(is_ready=True)


def _import(folder: Path, workers: int) -> str:
    from annotation.campaigns.campaigns import create_campaign
    from annotation.intake.clips import ImportOptions, import_manifest

    manifest = write_clips(folder / f"clips-{workers}-{time.time_ns()}", CLIPS)
    lead = _make_lead()
    campaign = create_campaign(actor=lead, name=f"imports-{time.time_ns()}", title="Imports")
    started = time.perf_counter()
    report = import_manifest(actor=lead, campaign=campaign, manifest=manifest, options=ImportOptions(workers))
    seconds = time.perf_counter() - started
    assert report.added == CLIPS, report.problems[:3]
    return f"{seconds}"


def _make_lead() -> "User":
    from accounts.models import Role, User
    from accounts.services import create_user

    lead = User.objects.filter(username="bench-imports").first()
    return lead or create_user(actor=None, username="bench-imports", password=None, role=Role.LEAD)


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    parts = {"stage": _stage, "preview": _preview, "clips": _import}
    print(parts[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3])))
