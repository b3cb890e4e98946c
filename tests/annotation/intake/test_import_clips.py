"""Imports of clips, from a manifest with tiny real videos to rows, media and items."""

import hashlib
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied

from accounts.models import AuditEntry
from annotation.intake import clips, row_work
from annotation.models import Clip, GroupedPrompt, Item
from qsave.frames.slowfast import FrameConfig
from qsave.frames.times import read_shown_times
from tests.annotation import factories
from tests.annotation.intake.imports import list_media_files, make_row, patch_step, run_import, write_csv

pytestmark = pytest.mark.django_db


def test_each_row_becomes_a_clip_with_its_facts_media_frame_times_group_and_split(video_folder: Path) -> None:
    report = run_import(write_csv(video_folder / "m.csv", [make_row(1, seed="42", note="kept")]))

    clip = Clip.objects.get()
    content = (video_folder / "v" / "1.mp4").read_bytes()
    assert (report.added, report.present, report.problems) == (1, 0, [])
    assert (clip.clip_id, clip.sha256, clip.bytes) == ("c1", hashlib.sha256(content).hexdigest(), len(content))
    assert (clip.codec, clip.width, clip.height, clip.frames, clip.has_audio) == ("h264", 64, 48, 8, False)
    assert (clip.fps_numerator, clip.fps_denominator, clip.duration) == (8, 1, 1.0)
    assert (clip.seed, clip.metadata, clip.is_simulated) == ("42", {"note": "kept"}, False)
    assert (Path(settings.MEDIA_ROOT) / clip.original).read_bytes() == content
    assert (Path(settings.MEDIA_ROOT) / clip.poster).read_bytes().startswith(b"\xff\xd8\xff")
    assert clip.rendition == ""
    assert clip.shown_times == [number / 8 for number in range(8)]
    times = clip.frame_times[FrameConfig().compute_key()]
    assert times["fast"] == [number / 8 for number in range(8)]
    assert 1 <= len(times["slow"]) <= 4
    (prompt,) = GroupedPrompt.objects.all()
    assert (prompt.text, prompt.group, prompt.group.split) == (clip.prompt, clip.prompt_group, "train")


def test_a_second_import_of_the_same_manifest_adds_nothing(video_folder: Path) -> None:
    campaign = factories.make_campaign()
    manifest = write_csv(video_folder / "m.csv", [make_row(1), make_row(2), make_row(3)])
    first = run_import(manifest, campaign)
    before = list_media_files()

    second = run_import(manifest, campaign)

    assert (first.added, first.items, second.added, second.present, second.items) == (3, 3, 0, 3, 0)
    assert (Clip.objects.count(), Item.objects.count(), list_media_files()) == (3, 3, before)


def test_an_imported_clip_joins_another_campaign(video_folder: Path) -> None:
    manifest = write_csv(video_folder / "m.csv", [make_row(1)])
    run_import(manifest)

    report = run_import(manifest, factories.make_campaign())

    assert (report.added, report.present, report.items) == (0, 1, 1)


def test_a_row_that_differs_from_its_clip_says_how_and_changes_nothing(video_folder: Path) -> None:
    run_import(write_csv(video_folder / "m.csv", [make_row(1)]))
    before = Clip.objects.values().get()
    rows = [make_row(1, video="v/2.mp4"), make_row(1, prompt="something else"), make_row(1, seed=7, mood="calm")]

    report = run_import(write_csv(video_folder / "m.csv", rows))

    assert [row.reason.split(":")[0] for row in report.differing] == ["The video is another file.", "Prompt", "Seed"]
    assert "Metadata: \u2068mood: none → calm\u2069." in report.differing[2].reason
    assert (report.added, report.present, report.problems) == (0, 0, [])
    assert Clip.objects.values().get() == before


def test_differences_are_applied_on_request_with_an_audit_entry_and_only_once(video_folder: Path) -> None:
    campaign = factories.make_campaign()
    run_import(write_csv(video_folder / "m.csv", [make_row(1), make_row(2)]), campaign)
    changed = make_row(1, generator="toy-2", seed=7, content_warning="Blood", gold_visual=4, mood="calm")
    manifest = write_csv(video_folder / "m.csv", [changed, make_row(2)])
    options = clips.ImportOptions(applies_changes=True)

    first, second = (run_import(manifest, campaign, options=options) for _ in range(2))

    clip = Clip.objects.get(clip_id="c1")
    assert (clip.generator, clip.seed, clip.content_warning) == ("toy-2", "7", "Blood")
    assert (clip.metadata, campaign.items.get(clip=clip).gold) == ({"mood": "calm"}, {"visual": 4.0})
    assert [(report.changed, report.present, report.differing) for report in (first, second)] == [
        (1, 1, []),
        (0, 2, []),
    ]
    assert AuditEntry.objects.filter(action__startswith="clip.").exists()


def test_another_file_and_another_prompt_are_applied_on_request_and_only_once(video_folder: Path) -> None:
    campaign = factories.make_campaign(overlap=1)
    run_import(write_csv(video_folder / "m.csv", [make_row(1), make_row(2)]), campaign)
    factories.rate_all(factories.make_user(), campaign)
    rows = [make_row(1, video="v/3.mp4"), make_row(2, prompt="something else")]
    manifest = write_csv(video_folder / "m.csv", rows)
    options = clips.ImportOptions(applies_changes=True)

    reports = [run_import(manifest, campaign, options=options) for _ in range(2)]

    assert [(report.changed, report.present, report.differing) for report in reports] == [(2, 0, []), (0, 2, [])]
    replaced = Clip.objects.get(clip_id="c1")
    assert (replaced.version, replaced.bytes) == (2, (video_folder / "v/3.mp4").stat().st_size)
    assert Clip.objects.get(clip_id="c2").successor == Clip.objects.get(clip_id="c2-2", prompt="something else")


def test_two_rows_with_one_name_and_other_values_are_no_change_of_each_other(video_folder: Path) -> None:
    rows = [make_row(1), make_row(1, prompt="something else altogether")]

    report = run_import(write_csv(video_folder / "m.csv", rows), options=clips.ImportOptions(applies_changes=True))

    assert (report.added, [problem.row for problem in report.problems]) == (1, [2])
    assert "Another row of this table has its clip_id" in report.problems[0].reason


def test_clips_without_a_name_are_told_apart_by_video_prompt_and_generator(video_folder: Path) -> None:
    campaign = factories.make_campaign()
    same = {"clip_id": "", "video": "v/1.mp4"}
    rows = [make_row(1, **same), make_row(2, **same), make_row(1, generator="other", **same), make_row(1, **same)]
    manifest = write_csv(video_folder / "m.csv", rows)

    reports = [run_import(manifest, campaign), run_import(manifest, campaign)]

    assert [(report.added, report.present, report.problems) for report in reports] == [(3, 1, []), (0, 4, [])]
    assert Clip.objects.values("sha256").distinct().count() == 1
    assert campaign.items.count() == 3


def test_a_clip_that_an_earlier_version_named_by_its_video_is_present(video_folder: Path) -> None:
    run_import(write_csv(video_folder / "m.csv", [make_row(1)]))
    Clip.objects.update(clip_id=Clip.objects.get().sha256)
    rows = [make_row(1, clip_id=""), make_row(1, clip_id="", generator="other")]

    report = run_import(write_csv(video_folder / "m.csv", rows))

    assert (report.added, report.present, report.problems) == (1, 1, [])


@pytest.mark.parametrize("lost", [["original"], ["poster"], ["rendition"], ["original", "poster", "rendition"]])
def test_lost_files_of_a_clip_are_stored_again(video_folder: Path, lost: list[str]) -> None:
    factories.write_video(video_folder / "v" / "old.avi", 90, codec="mpeg4")
    manifest = write_csv(video_folder / "m.csv", [make_row(1, video="v/old.avi")])
    run_import(manifest)
    before, clip = list_media_files(), Clip.objects.get()
    for name in lost:
        (Path(settings.MEDIA_ROOT) / getattr(clip, name)).unlink()

    report = run_import(manifest)

    assert (report.added, report.present, report.problems) == (0, 1, [])
    assert [note.reason for note in report.notes] == ["Files of this clip were lost. They are stored again."]
    assert list_media_files() == before
    assert hashlib.sha256((Path(settings.MEDIA_ROOT) / clip.original).read_bytes()).hexdigest() == clip.sha256
    assert run_import(manifest).notes == []


def test_a_video_that_browsers_cannot_play_gets_a_rendition_and_keeps_its_original(video_folder: Path) -> None:
    factories.write_video(video_folder / "v" / "old.avi", 90, codec="mpeg4")

    run_import(write_csv(video_folder / "m.csv", [make_row(1, video="v/old.avi")]))

    clip = Clip.objects.get()
    assert clip.codec == "mpeg4"
    assert clip.playable == clip.rendition != clip.original
    assert clip.shown_times == list(read_shown_times(Path(settings.MEDIA_ROOT) / clip.rendition))
    assert len(list_media_files()) == 3


def test_a_full_disk_ends_the_import_and_the_next_one_completes_its_clip(
    video_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    manifest = write_csv(video_folder / "m.csv", [make_row(1)])
    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space"):
        patch_step(patched, "inspect", full)
        run_import(manifest)
    clip = Clip.objects.get()
    assert (clip.is_ready, list_media_files()) == (False, [clip.original])

    report = run_import(manifest)

    assert (report.added, report.present, Clip.objects.get().is_ready) == (0, 1, True)


def test_simulated_clips_are_stored_as_such(video_folder: Path) -> None:
    run_import(write_csv(video_folder / "m.csv", [make_row(1)]), simulated=True)

    assert Clip.objects.get().is_simulated


def test_progress_rises_to_one(video_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float] = []
    monkeypatch.setattr(clips, "PROGRESS_SECONDS", 0)
    monkeypatch.setattr(row_work, "CLAIM_SIZE", 1)

    run_import(
        write_csv(video_folder / "m.csv", [make_row(1), make_row(2)]), on_progress=lambda share, _: shares.append(share)
    )

    assert list(dict.fromkeys(shares)) == [0.0, 0.5, 1.0]


def test_annotators_import_nothing(video_folder: Path) -> None:
    manifest = write_csv(video_folder / "m.csv", [make_row(1)])

    with pytest.raises(PermissionDenied):
        clips.import_manifest(actor=factories.make_user(), campaign=None, manifest=manifest)


@pytest.mark.real_clips
def test_the_real_clips_are_imported(real_clips: Path) -> None:
    report = run_import(real_clips / "manifest.csv", factories.make_campaign())

    assert (report.added, report.problems) == (18, [])
    assert {clip.rendition for clip in Clip.objects.all()} == {""}
    assert all(clip.frame_times and clip.duration > 1 for clip in Clip.objects.all())
