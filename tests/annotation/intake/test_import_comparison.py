"""The preview of an import compares its rows with their files and with the clips that are here, as the import does."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from annotation.campaigns.campaigns import StateRefused
from annotation.intake import arrived_files, import_comparison, importing, upload_folders
from annotation.intake.archives import UploadRefused
from annotation.intake.import_preview import preview_import
from annotation.intake.staging import Progress, ignore_progress
from annotation.models import Campaign, Clip, ClipImport, ImportRow
from operations import jobs
from operations.models import Job, JobState
from tests.annotation import factories
from tests.annotation.intake.imports import make_row, run_import, write_csv
from tests.support.markup import collapse_space

pytestmark = pytest.mark.django_db
WITHOUT_NAME = {"clip_id": ""}


def preview(
    folder: Path, *rows: Mapping[str, Any], videos: str = "", on_progress: Progress = ignore_progress
) -> ClipImport:
    """Preview a table of these rows."""
    clip_import = importing.request_import(
        actor=factories.make_lead(),
        campaign=Campaign.objects.first(),
        source="folder",
        name="again.csv",
        manifest=write_csv(folder / "again.csv", rows),
        videos=videos,
    )
    preview_import(clip_import, on_progress)
    return clip_import


def read_notes(clip_import: ClipImport) -> list[str]:
    return list(clip_import.rows.order_by("number").values_list("note", flat=True))


@pytest.fixture
def imported(video_folder: Path) -> Path:
    """A folder of videos, two of which are clips: the first without a clip_id, the second with one."""
    rows = [make_row(1, **WITHOUT_NAME), make_row(2)]
    run_import(write_csv(video_folder / "m.csv", rows), factories.make_campaign())
    return video_folder


def test_rows_are_the_same_clips_in_the_preview_as_in_the_import(imported: Path) -> None:
    rows = [
        make_row(1, **WITHOUT_NAME),
        make_row(1, **WITHOUT_NAME, seed=4),
        make_row(1, **WITHOUT_NAME, generator="toy-2"),
        make_row(2),
        make_row(2, video="v/3.mp4"),
        make_row(3, **WITHOUT_NAME),
    ]
    clip_import = preview(imported, *rows)
    result = clip_import.preview

    assert (result["present"], result["differs"]) == (2, 2)
    assert ("missing" in result, "unread" in result) == (False, False)
    assert [bool(note) for note in read_notes(clip_import)] == [False, True, False, False, True, False]
    importing.start_import(actor=factories.make_lead(), clip_import=clip_import)
    jobs.run(Job.objects.get(kind="import_clips", state=JobState.QUEUED).pk)
    states = list(clip_import.rows.order_by("number").values_list("state", flat=True))
    assert states == ["present", "differs", "added", "present", "differs", "added"]


def test_an_import_is_being_read_until_its_rows_are_compared(imported: Path) -> None:
    steps: list[tuple[float, str, bool]] = []

    def report(share: float, message: str) -> None:
        stored = ClipImport.objects.latest("pk")
        steps.append((share, message, importing.is_being_read(stored)))
        with pytest.raises(StateRefused, match="still being read"):
            importing.start_import(actor=stored.created_by, clip_import=stored)

    clip_import = preview(imported, make_row(1), make_row(2), on_progress=report)

    assert steps == [(0.0, "2 rows read", True), (1.0, "2 of 2 rows compared with their files", True)]
    assert not importing.is_being_read(clip_import)


def test_rows_without_their_file_and_files_without_a_row_are_listed(as_lead: Client, imported: Path) -> None:
    (imported / "v" / "extra & more.mp4").write_bytes(b"anything")
    (imported / "v" / ".hidden.mp4").write_bytes(b"anything")
    clip_import = preview(imported, make_row(1), make_row(9), make_row(3, video="../3.mp4"))
    result = clip_import.preview

    assert (result["missing"], [number for number, _why in result["refusals"]]) == (2, [2, 3])
    assert "extra & more.mp4" in " ".join(result["unnamed_files"])
    assert (result["unnamed"], ".hidden.mp4" in " ".join(result["unnamed_files"])) == (4, False)
    page = collapse_space(as_lead.get(f"/imports/{clip_import.pk}").content.decode())
    assert "Row 2: video does not exist: &#x27;v/9.mp4&#x27;." in page
    assert ("Import 1 clip" in page, "extra &amp; more.mp4" in page) == (True, True)


def test_all_files_without_a_row_are_in_a_file_until_the_import_starts(
    as_lead: Client, imported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_comparison, "MOST_LISTED", 1)
    clip_import = preview(imported, make_row(1), make_row(9))
    address = f"/imports/{clip_import.pk}/files-without-a-row.csv"

    assert address in as_lead.get(f"/imports/{clip_import.pk}").content.decode()
    content = b"".join(as_lead.get(address).streaming_content)  # type: ignore[attr-defined]
    assert content.decode("utf-8-sig").split() == ["file", "m.csv", "v/2.mp4", "v/3.mp4"]
    importing.start_import(actor=factories.make_lead(), clip_import=clip_import)
    assert as_lead.get(address).status_code == 404


def test_the_notes_of_a_preview_go_when_the_import_starts(imported: Path) -> None:
    clip_import = preview(imported, make_row(9))
    importing.start_import(actor=factories.make_lead(), clip_import=clip_import)
    jobs.run(Job.objects.get(kind="import_clips", state=JobState.QUEUED).pk)

    row = ImportRow.objects.get(clip_import=clip_import)
    assert (row.state, row.note) == ("refused", "")


def test_a_row_that_contradicts_its_clip_is_told_before_the_import(video_folder: Path) -> None:
    row = make_row(1, prompt_group="one")
    run_import(write_csv(video_folder / "m.csv", [row]), factories.make_campaign())

    result = preview(video_folder, row | {"prompt_group": "two"}).preview

    assert (result["conflicts"], "another prompt group" in result["refusals"][0][1]) == (1, True)


@pytest.mark.parametrize("change", [WITHOUT_NAME, {}])
def test_beyond_the_limit_of_bytes_the_size_alone_is_compared_and_the_row_says_so(
    imported: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    monkeypatch.setattr(import_comparison, "MOST_HASHED_BYTES", 10)
    number = 1 if change else 2

    clip_import = preview(imported, make_row(number, **change))

    assert (clip_import.preview["present"], clip_import.preview["unread"]) == (1, 1)
    assert read_notes(clip_import) == ["Whether its video is the clip's is known only when the import reads it."]


def test_a_row_of_a_clip_whose_files_are_lost_says_that_they_are_stored_again(imported: Path) -> None:
    Path(settings.MEDIA_ROOT, Clip.objects.get(clip_id="c2").poster).unlink()

    assert read_notes(preview(imported, make_row(2))) == ["Files of this clip are lost. The import stores them again."]


def test_a_row_is_compared_with_the_successor_of_its_clip(imported: Path) -> None:
    clip = Clip.objects.get(clip_id="c2")
    lead = factories.make_lead()
    successor = Clip.objects.get(pk=clip.pk)
    successor.pk, successor.clip_id, successor.prompt = None, "c2-2", "another prompt"
    successor.save()
    Clip.objects.filter(pk=clip.pk).update(
        successor=successor, withdrawn_at=clip.created_at, withdrawn_by=lead, withdrawal_reason="prompt"
    )

    assert "another prompt" in read_notes(preview(imported, make_row(2)))[0]


def test_a_bucket_that_does_not_answer_costs_the_comparison_of_files_alone(
    as_lead: Client, imported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise UploadRefused("The bucket does not answer.")

    monkeypatch.setattr(arrived_files, "list_sizes", refuse)
    clip_import = preview(imported, make_row(1, **WITHOUT_NAME), make_row(2))
    ClipImport.objects.update(source="bucket", videos="s3://videos/batch")
    clip_import.refresh_from_db()
    preview_import(clip_import)

    assert clip_import.preview["unlisted"] == "The bucket does not answer."
    assert (clip_import.preview["present"], clip_import.preview["unread"]) == (1, 1)
    assert "could not be listed" in as_lead.get(f"/imports/{clip_import.pk}").content.decode()


def test_objects_of_a_bucket_are_compared_by_their_size(imported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {f"v/{n}.mp4": (imported / "v" / f"{n}.mp4").stat().st_size for n in (1, 2, 3)} | {"again.csv": 7}
    monkeypatch.setattr(arrived_files, "list_sizes", lambda _address: sizes)
    clip_import = preview(imported, make_row(1, **WITHOUT_NAME), make_row(2), make_row(9))
    ClipImport.objects.update(source="bucket", videos="s3://videos/batch")
    clip_import.refresh_from_db()
    preview_import(clip_import)

    result = clip_import.preview
    assert (result["present"], result["unread"], result["missing"]) == (2, 2, 1)
    assert result["unnamed_files"] == ["v/3.mp4"]


def test_an_upload_without_a_table_has_no_files_without_a_row(video_folder: Path) -> None:
    upload = upload_folders.get_upload_root() / "two"
    video_folder.rename(upload)
    clip_import = importing.request_import(
        actor=factories.make_lead(),
        campaign=factories.make_campaign(),
        source="upload",
        name="v",
        manifest=write_csv(upload / ".rows.jsonl", [make_row(1)]),
        videos=upload,
    )
    (upload / ".rows.jsonl").write_text('{"video": "v/1.mp4", "prompt": "a fox", "generator": "toy"}\n')
    preview_import(clip_import)

    assert "unnamed" not in clip_import.preview
