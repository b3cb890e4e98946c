"""Manifests for tests of imports, and the import of one."""

import csv
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.intake import clip_files, clips, row_storing, unpacking, uploads
from annotation.intake.folder_manifests import Manifest
from annotation.intake.import_report import ImportReport
from annotation.models import Campaign
from operations import jobs
from operations.models import Job
from tests.annotation.factories import make_lead, make_prompt


def make_row(number: int, **changes: Any) -> dict[str, Any]:
    """Make a manifest's row for the video of this number."""
    values = {
        "clip_id": f"c{number}",
        "video": f"v/{number}.mp4",
        "prompt": make_prompt(number),
        "generator": "toy-1",
    }
    return values | changes


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], delimiter: str = ",") -> Path:
    """Write a manifest with all columns that the rows have."""
    text = StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue())
    return path


def receive_zip(*contents: bytes) -> Manifest:
    """Receive an upload of zip archives, unpack them as the import's job does, and return the manifest."""
    sent = [SimpleUploadedFile(f"{number}.zip", content) for number, content in enumerate(contents)]
    return unpacking.unpack_folder(Path(uploads.receive_files(sent).videos))


def run_import(manifest: Path | None, campaign: Campaign | None = None, **options: Any) -> ImportReport:
    assert manifest is not None
    return clips.import_manifest(actor=make_lead(), campaign=campaign, manifest=manifest, **options)


def run_import_job(manifest: Path, campaign: Campaign) -> Job:
    """Queue an import, run it, and return its job."""
    arguments = {"campaign": campaign.pk, "manifest": str(manifest)}
    job = jobs.run(jobs.enqueue(kind="import_clips", arguments=arguments, actor=make_lead()).pk)
    assert job is not None
    return job


def patch_step(monkeypatch: pytest.MonkeyPatch, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Replace a step of the work with one video; return the real one."""
    modules = [module for module in (row_storing, clip_files) if hasattr(module, step)]
    real: Callable[..., Any] = getattr(modules[0], step)
    for module in modules:
        monkeypatch.setattr(module, step, function)
    return real


def list_media_files() -> list[str]:
    root = Path(settings.MEDIA_ROOT)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
