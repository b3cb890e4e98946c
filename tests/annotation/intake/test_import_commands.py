"""The import as a command and as a job."""

import csv
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from annotation import jobs
from annotation.intake import upload_folders
from annotation.models import Campaign, Clip
from operations.models import JobState
from tests.annotation import factories
from tests.annotation.factories import write_video
from tests.annotation.intake.imports import make_row, run_import_job, write_csv

pytestmark = pytest.mark.django_db


def test_the_command_makes_the_campaign_on_request_and_prints_bad_rows(video_folder: Path) -> None:
    factories.make_lead()
    manifest = write_csv(video_folder / "m.csv", [make_row(1), make_row(2, video="v/none.mp4")])
    out, err = StringIO(), StringIO()

    call_command("import_clips", str(manifest), "--campaign", "fresh-one", "--create", stdout=out, stderr=err)

    assert Campaign.objects.get().name == "fresh-one"
    assert "refused, row 2: video does not exist: 'v/none.mp4'." in err.getvalue()
    assert "Warning: The split test " in err.getvalue()
    assert "The manifest has 1 prompt groups; 0 of its clips bridge two splits." in out.getvalue()
    assert "1 added" in out.getvalue()


def test_rows_with_one_fault_are_one_line_and_all_of_them_a_file(video_folder: Path, tmp_path: Path) -> None:
    factories.make_lead()
    rows = [make_row(number, video=f"v/none-{number}.mp4") for number in range(1, 13)]
    manifest = write_csv(video_folder / "m.csv", [*rows, make_row(1, prompt="")])
    err, refused = StringIO(), tmp_path / "refused.csv"
    command = ("import_clips", str(manifest), "--campaign", "fresh", "--create", "--refused")

    call_command(*command, str(refused), stdout=StringIO(), stderr=err)

    lines = err.getvalue().splitlines()
    assert lines[0] == "refused, 12 rows 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more: video does not exist."
    assert lines[1] == "refused, row 13: prompt is empty."
    assert lines[2].startswith("The page /imports/")
    kept = list(csv.DictReader(StringIO(refused.read_text("utf-8-sig"))))
    assert [row["row"] for row in kept] == [str(number) for number in range(1, 14)]
    assert kept[11]["reason"] == "video does not exist: 'v/none-12.mp4'."

    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        call_command(*command, str(tmp_path / "none" / "x.csv"), stdout=StringIO(), stderr=StringIO())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--campaign", "none"], "--create"), (["--campaign", "none", "--as", "nobody"], "nobody")],
)
def test_the_command_says_how_to_go_on(video_folder: Path, arguments: list[str], words: str) -> None:
    factories.make_lead()

    with pytest.raises(CommandError, match=words):
        call_command("import_clips", str(write_csv(video_folder / "m.csv", [make_row(1)])), *arguments)


def test_an_operator_names_the_folder_of_the_videos_whose_links_are_followed(
    video_folder: Path, tmp_path: Path
) -> None:
    lead = factories.make_lead()
    (video_folder / "link.mp4").symlink_to(video_folder / "v" / "2.mp4")
    rows = [make_row(1, video=str(video_folder / "v" / "1.mp4")), make_row(2, video="link.mp4"), make_row(3)]
    manifest = write_csv(tmp_path / "m.csv", rows)
    out, err = StringIO(), StringIO()

    call_command(
        *("import_clips", str(manifest), "--campaign", "fresh", "--create", "--videos", str(video_folder)),
        stdout=out,
        stderr=err,
    )

    assert "3 added" in out.getvalue()
    assert Campaign.objects.get(created_by=lead).items.count() == 3
    with pytest.raises(CommandError, match="There is no folder"):
        call_command("import_clips", str(manifest), "--campaign", "fresh", "--videos", str(tmp_path / "none"))


def test_the_command_groups_by_a_column_that_the_table_has(video_folder: Path) -> None:
    factories.make_lead()
    rows = [make_row(1, prompt="a fox", prompt_id=7), make_row(2, prompt="one boat", prompt_id=7)]
    command = ("import_clips", str(write_csv(video_folder / "m.csv", rows)), "--campaign", "fresh", "--create")

    with pytest.raises(CommandError, match="No row has a value in the column"):
        call_command(*command, "--group-column", "prompt")
    call_command(*command, "--group-column", "prompt_id", stdout=StringIO(), stderr=StringIO())

    assert set(Clip.objects.values_list("prompt_group__name", flat=True)) == {"prompt_id: 7"}


def test_the_job_reports_what_went_in_and_clears_the_upload(video_folder: Path) -> None:
    upload = upload_folders.get_upload_root() / "one"
    upload.parent.mkdir(parents=True, exist_ok=True)
    video_folder.rename(upload)
    manifest = write_csv(upload / "m.csv", [make_row(1), make_row(2, video="")])

    job = run_import_job(manifest, factories.make_campaign())

    assert job.state == JobState.DONE
    rows = {name: job.result[name] for name in ("added", "present", "items", "problems")}
    assert rows == {"added": 1, "present": 0, "items": 1, "problems": [{"row": 2, "reason": "video is empty."}]}
    assert (job.result["groups"], job.result["bridges"]) == (1, 0)
    assert sum(size["clips"] for size in job.result["splits"].values()) == 1
    assert [warning.split()[:3] for warning in job.result["warnings"]] == [
        ["The", "split", "val"],
        ["The", "split", "test"],
    ]
    assert not upload.exists()
    assert jobs.import_clips.__module__ == "annotation.jobs"


def test_the_job_fails_in_plain_words_for_a_bad_manifest(video_folder: Path) -> None:
    (video_folder / "m.csv").write_text("a,b\n1,2\n")

    job = run_import_job(video_folder / "m.csv", factories.make_campaign())

    assert job.state == JobState.FAILED
    assert job.error.startswith("m.csv lacks the column video and prompt and generator.")


def test_a_folder_without_a_manifest_is_imported_by_its_folders_and_names(tmp_path: Path) -> None:
    factories.make_lead()
    write_video(tmp_path / "in" / "sora" / "a_red_fox-0.mp4", 60)
    write_video(tmp_path / "in" / "wan" / "P-0.mp4", 90)
    (tmp_path / "in" / "wan" / "P-0.txt").write_text("a blue fox")
    out, err = StringIO(), StringIO()

    call_command("import_clips", str(tmp_path / "in"), "--campaign", "fresh", "--create", stdout=out, stderr=err)

    assert "2 added" in out.getvalue()
    assert "There is no manifest. The folder of each video is its generator." in err.getvalue()
    clips = Clip.objects.order_by("generator").values_list("generator", "prompt")
    assert list(clips) == [("sora", "a red fox"), ("wan", "a blue fox")]
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["sora", "wan"]


def test_the_command_asks_for_the_generator_of_videos_in_no_folder(tmp_path: Path) -> None:
    factories.make_lead()
    write_video(tmp_path / "a fox.mp4")
    command = ("import_clips", str(tmp_path), "--campaign", "fresh", "--create")

    with pytest.raises(CommandError, match="option for it is --generator"):
        call_command(*command)
    call_command(*command, "--generator", "wan-2", stdout=StringIO(), stderr=StringIO())

    assert Clip.objects.get().generator == "wan-2"
