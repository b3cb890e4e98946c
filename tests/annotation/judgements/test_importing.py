"""Ratings made elsewhere are stored on their own scales, once, and a bad row costs one row."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction

from accounts.models import AuditEntry, User
from annotation.judgements import running
from annotation.judgements.importing import check_mapping, open_import, start_import
from annotation.judgements.running import run_import
from annotation.judgements.upkeep import delete_import, match_absent_clips
from annotation.models import AbsentClip, ImportedJudgement, JudgementImport
from tests.annotation.factories import make_campaign, make_user
from tests.annotation.judgements.files import import_file, list_judgements, make_judged_clips
from tests.support.foreign_ratings import (
    LONG_CSV,
    WIDE_CSV,
    encode,
    encode_lines,
    make_json_min,
    make_label_studio_export,
    make_score_line,
    make_video_score_items,
)

pytestmark = pytest.mark.django_db


def test_a_wide_table_becomes_a_judgement_for_each_filled_score(lead: User, tmp_path: Path) -> None:
    clips = make_judged_clips()
    done = import_file(lead, tmp_path, WIDE_CSV)
    assert (done.state, done.rows, done.added, done.present, done.refused) == ("done", 3, 8, 0, 0)
    assert list_judgements(clips["fox"]) == [
        ("alignment", "ann", 5.0, 1.0, 5.0, "Good all in all"),
        ("alignment", "ben", 4.0, 1.0, 5.0, "The tail flickers"),
        ("dynamic", "ann", 3.0, 1.0, 5.0, "Good all in all"),
        ("visual", "ann", 4.0, 1.0, 5.0, "Sharp fur and clean edges"),
        ("visual", "ben", 3.0, 1.0, 5.0, "The tail flickers"),
    ]


def test_scales_are_those_that_the_rows_state_and_values_are_not_changed(lead: User, tmp_path: Path) -> None:
    clips = make_judged_clips()
    done = import_file(lead, tmp_path, LONG_CSV)
    assert list_judgements(clips["fox"]) == [("dynamic", "", 3.5, 1.0, 4.0, ""), ("visual", "", 2.0, 1.0, 4.0, "")]
    visual = ImportedJudgement.objects.get(clip=clips["fox"], axis="visual")
    assert (visual.n, visual.sd, visual.their_axis) == (12, 0.8, "visual quality")
    assert done.problems == [[4, "axis is 'physical consistency', which no axis is mapped to."]]


def test_a_label_studio_export_becomes_scores_evidence_and_reasons(lead: User, tmp_path: Path) -> None:
    clips = make_judged_clips()
    done = import_file(lead, tmp_path, encode(make_label_studio_export()), "export.json")
    assert (done.added, done.refused, len(done.notes)) == (9, 0, 2)
    first = {one.axis: one for one in ImportedJudgement.objects.filter(clip=clips["fox"], rater="7")}
    assert {axis: one.value for axis, one in first.items()} == {"visual": 4, "dynamic": 3, "alignment": 5}
    assert first["dynamic"].evidence == [{"defect": "flicker", "time": [0.5, 1.0], "box": None}]
    assert first["visual"].evidence == [{"defect": "blur", "time": None, "box": None}]
    assert first["visual"].reason == "The fur is\nsmeared."
    assert first["visual"].metadata["labels"] == ["Odd colours"]
    assert first["visual"].metadata["lead_time"] == 21.5
    assert {one.rater for one in ImportedJudgement.objects.filter(clip=clips["sea"])} == {"ann@example.org"}


def test_frames_of_a_timeline_become_seconds_by_the_frame_rate_of_the_mapping(lead: User, tmp_path: Path) -> None:
    clips = make_judged_clips()
    import_file(lead, tmp_path, encode(make_label_studio_export()), "export.json", frame_rate=8.0)
    dynamic = ImportedJudgement.objects.get(clip=clips["fox"], rater="7", axis="dynamic")
    assert dynamic.evidence[0]["time"] == [1.5, 3.0]


def test_the_short_export_of_label_studio_gives_evidence_with_times_and_places(lead: User, tmp_path: Path) -> None:
    clips = make_judged_clips()
    done = import_file(lead, tmp_path, encode(make_json_min()), "min.json")
    judged = {one.axis: one for one in ImportedJudgement.objects.filter(clip=clips["fox"])}
    assert (done.added, done.refused, done.mapping["rater"]) == (2, 0, "annotator")
    assert {axis: one.value for axis, one in judged.items()} == {"visual": 4, "dynamic": 3}
    assert judged["dynamic"].evidence == [{"defect": "flicker", "time": [0.5, 1.0], "box": None}]
    (whole, part) = sorted(judged["visual"].evidence, key=lambda piece: piece["time"] is not None)
    assert (whole["defect"], whole["time"]) == ("blur", None)
    assert (part["defect"], part["time"], part["box"]) == ("blur", [0.0, 1.0], pytest.approx([0.1, 0.1, 0.4, 0.5]))


def test_marks_without_a_score_become_a_judgement_that_holds_evidence_alone(lead: User, tmp_path: Path) -> None:
    clips = make_judged_clips()
    tasks = make_label_studio_export()[:1]
    tasks[0]["annotations"] = tasks[0]["annotations"][:1]
    import_file(lead, tmp_path, encode(tasks), "export.json", axes={"visual_quality": {"axis": "visual"}})
    dynamic = ImportedJudgement.objects.get(clip=clips["fox"], axis="dynamic")
    assert (dynamic.value, dynamic.scale_min, dynamic.scale_max) == (None, None, None)
    assert dynamic.evidence[0]["defect"] == "flicker"


def test_video_score_items_hold_the_words_of_their_labels_and_the_language(lead: User, tmp_path: Path) -> None:
    clips = make_judged_clips()
    done = import_file(lead, tmp_path, encode(make_video_score_items()), "1.json", language="zh")
    assert (done.rows, done.added, done.refused) == (3, 4, 1)
    visual = ImportedJudgement.objects.get(clip=clips["fox"], axis="visual")
    assert (visual.value, visual.original, visual.rater, visual.language) == (5.0, "5-Very Good", "", "zh")
    assert visual.reason == "画质比较模糊"
    assert not ImportedJudgement.objects.filter(axis="dynamic").exists()


def test_lines_of_scores_become_judgements_of_a_program(lead: User, tmp_path: Path) -> None:
    clips = make_judged_clips()
    lines = encode_lines(make_score_line(), make_score_line("sea.mp4", error="The file is damaged."))
    done = import_file(lead, tmp_path, lines, "scores.jsonl")
    assert (done.added, done.refused) == (3, 1)
    visual = ImportedJudgement.objects.get(clip=clips["fox"], axis="visual")
    assert (visual.value, visual.evidence[0]["time"]) == (3.25, [0.5, 1.0])


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (WIDE_CSV, "a.csv"),
        (LONG_CSV, "a.csv"),
        (encode(make_label_studio_export()), "a.json"),
        (encode(make_video_score_items()), "a.json"),
    ],
)
@pytest.mark.parametrize("with_clips", [True, False])
def test_importing_twice_adds_nothing(
    lead: User, tmp_path: Path, content: bytes | str, name: str, with_clips: bool
) -> None:
    if with_clips:
        make_judged_clips()
    first = import_file(lead, tmp_path, content, name)
    second = import_file(lead, tmp_path, content, name)
    assert first.added == ImportedJudgement.objects.count() > 0
    assert (second.added, second.present, second.differing) == (0, first.added, 0)
    assert ImportedJudgement.objects.filter(clip__isnull=with_clips).count() == 0


def test_a_changed_value_is_counted_and_the_stored_one_stays(lead: User, tmp_path: Path) -> None:
    clips = make_judged_clips()
    import_file(lead, tmp_path, "clip_id,rater,visual\nfox,ann,4\n")
    second = import_file(lead, tmp_path, "clip_id,rater,visual\nfox,ann,2\nsea,ann,2\n")
    assert (second.added, second.present, second.differing) == (1, 1, 1)
    assert list_judgements(clips["fox"])[0][2] == 4


def test_several_unknown_raters_of_a_clip_are_several_judgements(lead: User, tmp_path: Path) -> None:
    clips = make_judged_clips()
    content = "clip_id,visual\nfox,4\nfox,4\nfox,2\n"
    assert import_file(lead, tmp_path, content).added == 3
    assert import_file(lead, tmp_path, content).present == 3
    assert [row[2] for row in list_judgements(clips["fox"])] == [4, 4, 2]


def test_two_fields_may_be_of_one_axis(lead: User, tmp_path: Path) -> None:
    clips = make_judged_clips()
    import_file(lead, tmp_path, "clip_id,rater,aesthetics,imaging_quality\nfox,ann,4,2\n")
    assert sorted(row[2] for row in list_judgements(clips["fox"])) == [2, 4]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("fox,ann,superb,,", "visual is 'superb', which is no score. Map this word to a number if it is one."),
        ("fox,ann,9,,", "visual is 9, which is outside its scale from 1 to 5."),
        ("fox,ann,,,", "The row has no score in the fields that are mapped to an axis, and no evidence."),
        (",ann,3,,", "The row does not say which clip it is about."),
        ("sea,ann,3,,", "The rater 'ann' has judged visual of this clip in an earlier row."),
        (f"{'x' * 201},ann,3,,", "clip_id has 201 characters; at most 200 are allowed."),
        (f"fox,{'x' * 201},3,,", "rater has 201 characters; at most 200 are allowed."),
        ("fox,ann,3,few,", "n must be a whole number from 0, got 'few'."),
        ("fox,ann,3,-2,", "n must be a whole number from 0, got '-2'."),
        ("fox,ann,3,2,-1", "sd is a standard deviation and cannot be below 0, got -1."),
        (f"fox,{'ann'},{'9' * 60},,", f"visual is '{'9' * 60}', which is no score."),
    ],
)
def test_a_bad_row_costs_one_row_with_a_sentence(lead: User, tmp_path: Path, row: str, message: str) -> None:
    make_judged_clips()
    content = f"clip_id,rater,visual,n,sd\nsea,ann,4,,\n{row}\nfox,ben,5,,\n"
    rule = {"axis": "visual", "n": "n", "sd": "sd"}
    done = import_file(lead, tmp_path, content, axes={"visual": rule})
    assert (done.state, done.added, done.refused) == ("done", 2, 1)
    assert done.problems[0][0] == 2
    assert done.problems[0][1].startswith(message)


def test_all_refused_rows_are_stored_and_the_first_of_them_listed(
    lead: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_judged_clips()
    monkeypatch.setattr(running, "MAX_PROBLEMS", 2)
    monkeypatch.setattr(running, "BATCH", 2)
    rows = ["clip_id,visual", "fox,4", *["fox,9"] * 4, "sea,2"]
    done = import_file(lead, tmp_path, "\n".join(rows), axes={"visual": {"axis": "visual"}})
    assert (done.added, done.refused, len(done.problems)) == (2, 4, 2)
    assert list(done.refusals.order_by("number").values_list("number", flat=True)) == [2, 3, 4, 5]
    assert "outside its scale" in done.refusals.order_by("number")[0].reason


def test_text_from_outside_is_stored_as_text_that_both_databases_take(lead: User, tmp_path: Path) -> None:
    clips = make_judged_clips()
    reason = "<script>alert(1)</script>\x00 \ud800 =1+1"
    row = {"clip_id": "fox", "rater": "\x00ann", "visual": 4, "reason": reason, "more": {"a": "\x00"}}
    assert import_file(lead, tmp_path, json.dumps(row), "a.jsonl").added == 1
    assert list_judgements(clips["fox"])[0][5].startswith("<script>alert(1)</script>")


def test_an_interrupted_import_starts_again_and_counts_each_judgement_once(
    lead: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_judged_clips()
    monkeypatch.setattr(running, "BATCH", 1)
    path = tmp_path / "a.csv"
    path.write_text(WIDE_CSV)
    opened = open_import(actor=lead, campaign=None, path=path, source="lab")
    started = start_import(actor=lead, judgement_import=opened, mapping=opened.mapping)
    with pytest.raises(KeyboardInterrupt):
        run_import(started, on_progress=interrupt_after(2))
    assert 0 < ImportedJudgement.objects.count() < 8
    run_import(JudgementImport.objects.get(pk=started.pk))
    again = JudgementImport.objects.get(pk=started.pk)
    assert (again.state, again.added, again.present) == ("done", 8, 0)
    assert path.exists()


def interrupt_after(calls: int) -> Callable[[float, str], None]:
    left = [calls]

    def interrupt(share: float, message: str) -> None:
        assert 0 < share < 1
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    return interrupt


def test_deleting_an_import_deletes_its_judgements_and_says_so(lead: User, tmp_path: Path) -> None:
    make_judged_clips()
    other = import_file(lead, tmp_path, "clip_id,rater,visual\nfox,cy,4\nwolf,cy,3\n")
    done = import_file(lead, tmp_path, WIDE_CSV)
    assert delete_import(actor=lead, judgement_import=other) == 2
    assert ImportedJudgement.objects.count() == done.added
    assert not AbsentClip.objects.exists()
    data = AuditEntry.objects.get(action="judgements.deleted").data
    assert data == {"count": 2, "name": "ratings.csv", "source": "lab", "campaign": ""}


def test_only_a_lead_imports_matches_and_deletes(lead: User, tmp_path: Path) -> None:
    rater, path = make_user(), tmp_path / "a.csv"
    path.write_text(WIDE_CSV)
    opened = open_import(actor=lead, campaign=None, path=path)
    for act in (
        lambda: open_import(actor=rater, campaign=None, path=path),
        lambda: start_import(actor=rater, judgement_import=opened, mapping=opened.mapping),
        lambda: delete_import(actor=rater, judgement_import=opened),
        lambda: match_absent_clips(actor=rater),
    ):
        with pytest.raises(PermissionDenied):
            act()


def test_defects_are_those_of_the_campaign(lead: User, tmp_path: Path) -> None:
    campaign = make_campaign(actor=lead)
    mapping = {"source": "lab", "axes": {"q": {"axis": "visual"}}, "clip": {"clip_id": "id"}}
    assert check_mapping(mapping | {"defects": {"Blurry": "blur"}}, campaign).defects == {"Blurry": "blur"}
    with pytest.raises(ValidationError, match="no defect"):
        check_mapping(mapping | {"defects": {"Blurry": "blurr"}}, campaign)


@pytest.mark.parametrize(
    "change",
    [
        {"axis": "beauty"},
        {"source": ""},
        {"value": 6.0},
        {"scale_min": 5.0, "scale_max": 1.0},
        {"scale_max": None},
        {"value": None},
        {"sd": -1.0},
        {"occurrence": 1},
        {"clip": None},
    ],
)
def test_the_database_refuses_what_must_never_be_stored(lead: User, tmp_path: Path, change: dict[str, Any]) -> None:
    make_judged_clips()
    import_file(lead, tmp_path, "clip_id,rater,visual\nfox,ann,4\n")
    stored = ImportedJudgement.objects.filter(rater="ann")
    with pytest.raises(IntegrityError), transaction.atomic():
        stored.update(**change)
