"""Judgements find the clip that they are about, also when it comes in later, is replaced, withdrawn or removed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.models import AuditEntry, User
from annotation.agreement.imported import read_clip_judgements
from annotation.intake import importing
from annotation.intake.clip_removal import remove_clips
from annotation.judgements.upkeep import match_absent_clips
from annotation.models import AbsentClip, Clip, ClipImport, ImportedJudgement, ImportRow
from tests.annotation.factories import START, make_campaign, make_clip, write_video
from tests.annotation.intake.imports import make_row, run_import, write_csv
from tests.annotation.judgements.files import import_file, list_judgements, make_judged_clips
from tests.support.foreign_ratings import (
    PROMPTS,
    WIDE_CSV,
    encode_lines,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("key", "with_rows"),
    [
        ({"clip_id": "fox"}, False),
        ({"sha256": "F0" * 32}, False),
        ({"video": "some/folder/fox.mp4"}, False),
        ({"video": "https://bucket.example/a%20b/fox.mp4?X-Sig=1"}, False),
        ({"video": "/data/upload/1/0123abcd-fox.mp4"}, False),
        ({"video": "C:\\clips\\fox.mp4"}, False),
        ({"prompt": "A fox, runs through SNOW!", "generator": "Sora"}, False),
        ({"video": "0001.mp4", "prompt": PROMPTS["fox"]}, True),
        ({"clip_id": "their-17", "prompt": PROMPTS["fox"], "generator": "sora"}, False),
    ],
)
def test_a_clip_is_matched_by_whatever_names_it(
    lead: User, tmp_path: Path, key: dict[str, str], with_rows: bool
) -> None:
    fox = make_judged_clips()["fox"]
    fox.sha256 = "f0" * 32
    fox.save()
    if with_rows:
        add_import_row(lead, fox, "sora/0001.mp4")
    import_file(lead, tmp_path, encode_lines(key | {"visual": 4}), "a.jsonl")
    assert len(list_judgements(fox)) == 1


@pytest.mark.parametrize(
    ("video", "generator"),
    [
        ("sora/0001.mp4", "sora"),
        ("/data/local-files/?d=clips/veo/0001.mp4", "veo"),
        ("s3://bucket/run-3/veo/0001.mp4", "veo"),
        ("0001.mp4", ""),
    ],
)
def test_files_of_one_name_are_told_apart_by_their_folders(
    lead: User, tmp_path: Path, video: str, generator: str
) -> None:
    for name in ("sora", "veo"):
        add_import_row(lead, make_clip(f"{name}-1", prompt=PROMPTS["fox"], generator=name), f"{name}/0001.mp4")
    done = import_file(lead, tmp_path, encode_lines({"video": video, "prompt": PROMPTS["fox"], "visual": 4}), "a.jsonl")
    judged = ImportedJudgement.objects.values_list("clip__generator", flat=True)
    assert list(judged) == ([generator] if generator else [])
    assert done.refused == (not generator)


def add_import_row(lead: User, clip: Any, video: str) -> None:
    clip_import = clip.import_rows.model._meta.get_field("clip_import").related_model.objects.create(
        name="clips.csv", videos="/videos", created_by=lead
    )
    ImportRow.objects.create(clip_import=clip_import, number=1, state="added", values={"video": video}, clip=clip)


@pytest.mark.parametrize(
    "key",
    [
        {"video": "0001.mp4"},
        {"video": "fox.mp4", "prompt": "another prompt"},
        {"prompt": PROMPTS["fox"]},
        {"prompt": PROMPTS["fox"], "generator": "veo"},
        {"clip_id": "FOX"},
    ],
)
def test_what_names_no_clip_of_the_site_is_held_for_an_absent_clip(
    lead: User, tmp_path: Path, key: dict[str, str]
) -> None:
    make_judged_clips()
    done = import_file(lead, tmp_path, encode_lines(key | {"visual": 4}), "a.jsonl")
    assert (done.added, done.refused) == (1, 0)
    absent = ImportedJudgement.objects.get().absent_clip
    assert absent is not None
    assert {name: getattr(absent, name) for name in key} == key


def test_a_row_that_fits_several_clips_is_refused(lead: User, tmp_path: Path) -> None:
    for seed in ("1", "2"):
        make_clip(f"fox-{seed}", prompt=PROMPTS["fox"], generator="sora", seed=seed)
    done = import_file(
        lead, tmp_path, encode_lines({"prompt": PROMPTS["fox"], "generator": "sora", "visual": 4}), "a.jsonl"
    )
    assert done.problems == [
        [1, "The row fits 2 clips. Add a column clip_id or sha256 that says which one it is about."]
    ]


def test_a_clip_that_comes_in_later_gets_its_judgements(lead: User, tmp_path: Path) -> None:
    first = import_file(lead, tmp_path, WIDE_CSV)
    assert match_absent_clips(actor=lead) == 0
    clips = make_judged_clips()
    assert match_absent_clips(actor=lead) == 2
    assert ImportedJudgement.objects.filter(clip__in=clips.values()).count() == first.added
    assert not AbsentClip.objects.exists()
    assert import_file(lead, tmp_path, WIDE_CSV).present == first.added
    assert AuditEntry.objects.get(action="judgements.matched").data == {"count": 2}


def test_matching_later_never_stores_a_judgement_twice(lead: User, tmp_path: Path) -> None:
    import_file(lead, tmp_path, "video,prompt,generator,rater,visual\nx.mp4,a fox runs through snow,sora,ann,4\n")
    clips = make_judged_clips()
    import_file(lead, tmp_path, "clip_id,rater,visual\nfox,ann,4\n")
    match_absent_clips(actor=lead)
    assert len(list_judgements(clips["fox"])) == 1


def test_judgements_stay_with_the_version_of_the_video_that_they_were_matched_with(lead: User, tmp_path: Path) -> None:
    fox = make_judged_clips()["fox"]
    campaign = make_campaign(actor=lead)
    first = import_file(lead, tmp_path, WIDE_CSV)
    assert len(read_clip_judgements(fox, campaign)) == 2
    Clip.objects.filter(pk=fox.pk).update(version=2)
    fox.refresh_from_db()
    assert read_clip_judgements(fox, campaign) == []
    second = import_file(lead, tmp_path, WIDE_CSV)
    assert (second.added, second.present) == (5, first.added - 5)
    assert len(read_clip_judgements(fox, campaign)) == 2


def test_a_withdrawn_clip_is_matched_by_its_clip_id_alone(lead: User, tmp_path: Path) -> None:
    old = make_judged_clips()["fox"]
    Clip.objects.filter(pk=old.pk).update(withdrawn_at=START, withdrawn_by=lead, withdrawal_reason="A watermark")
    key = {"prompt": PROMPTS["fox"], "generator": "sora"}
    new = make_clip("fox-2", prompt=PROMPTS["fox"], generator="sora")
    import_file(lead, tmp_path, encode_lines(key | {"visual": 4}, {"clip_id": "fox", "visual": 2}), "a.jsonl")
    assert [row[2] for row in list_judgements(new)] == [4]
    assert [row[2] for row in list_judgements(old)] == [2]


def test_judgements_of_a_removed_clip_wait_for_it_to_come_in_again(lead: User, tmp_path: Path) -> None:
    clips = make_judged_clips()
    first = import_file(lead, tmp_path, WIDE_CSV)
    remove_clips([clips["fox"]])
    assert ImportedJudgement.objects.filter(absent_clip__clip_id="fox").count() == 5
    make_clip("fox", prompt=PROMPTS["fox"], generator="sora")
    assert match_absent_clips(actor=lead) == 1
    assert ImportedJudgement.objects.filter(absent_clip__isnull=True).count() == first.added


def test_an_import_of_clips_gives_waiting_judgements_to_its_clips(lead: User, tmp_path: Path) -> None:
    import_file(lead, tmp_path, "clip_id,visual\nc1,4\nc2,3\nelsewhere,2\n")
    write_video(tmp_path / "v" / "1.mp4")
    report = run_import(write_csv(tmp_path / "m.csv", [make_row(1)]), make_campaign())
    assert (report.added, report.matched, report.as_json()["matched"]) == (1, 1, 1)
    assert ImportedJudgement.objects.get(value=4).clip == Clip.objects.get(clip_id="c1")
    assert sorted(AbsentClip.objects.values_list("clip_id", flat=True)) == ["c2", "elsewhere"]


def _fail(clip_import: ClipImport) -> None:
    importing.fail_import(clip_import, "No space left on device.")


def _cancel(clip_import: ClipImport) -> None:
    importing.cancel_import(actor=clip_import.created_by, clip_import=clip_import)


@pytest.mark.parametrize("end", [_fail, _cancel, importing.end_cancelled_import])
def test_clips_get_waiting_judgements_also_if_their_import_ends_early(
    lead: User, tmp_path: Path, end: Callable[[ClipImport], None]
) -> None:
    import_file(lead, tmp_path, "clip_id,visual\nc1,4\nc2,3\n")
    clip = make_clip("c1")
    clip_import = ClipImport.objects.create(campaign=make_campaign(), created_by=lead, state="running")
    ImportRow.objects.create(clip_import=clip_import, number=1, state="added", clip=clip)

    end(clip_import)

    assert [row[2] for row in list_judgements(clip)] == [4]
    assert AbsentClip.objects.get().clip_id == "c2"
