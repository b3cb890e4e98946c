"""Files of ratings from other tools become rows, and a mapping is proposed from what they hold."""

import io
from itertools import islice
from typing import Any

import pytest

from qsave.axes import Axis
from qsave.judgements.field_facts import read_facts
from qsave.judgements.mapping import AxisRule, JudgementMapping, MappingRefused
from qsave.judgements.proposal import find_axis, propose_mapping, propose_scale
from qsave.judgements.reader import FORMATS, read_source
from qsave.judgements.records import Mark, Source, convert_to_levels
from qsave.judgements.scores import WORDS, describe_answer, parse_score
from qsave.tables.table import TableError
from qsave.taxonomy import DEFAULT_TAXONOMY
from tests.support.foreign_ratings import (
    LONG_CSV,
    PROMPTS,
    WIDE_CSV,
    encode,
    encode_lines,
    make_label_studio_export,
    make_score_line,
    make_video_score_items,
)

DEFECTS = {defect.id: defect.label for defect in DEFAULT_TAXONOMY}


def open_source(content: bytes | str, name: str) -> Source:
    return read_source(io.BytesIO(content.encode() if isinstance(content, str) else content), name)


def propose(content: bytes | str, name: str) -> JudgementMapping:
    facts = read_facts(islice(open_source(content, name).rows, 100))
    return propose_mapping(facts, source="lab", defects=DEFECTS)


def test_a_wide_table_proposes_a_rule_for_each_column_that_names_an_axis() -> None:
    mapping = propose(WIDE_CSV, "ratings.csv")
    assert mapping.axes == {
        "visual_quality": AxisRule(Axis.VISUAL, reason="visual_comment"),
        "temporal_consistency": AxisRule(Axis.DYNAMIC),
        "text_alignment": AxisRule(Axis.ALIGNMENT),
    }
    assert (mapping.clip, mapping.rater, mapping.reason) == ({"clip_id": "clip_id"}, "annotator", "comment")


def test_a_table_with_a_row_for_each_axis_proposes_a_rule_for_each_word_that_names_an_axis() -> None:
    mapping = propose(LONG_CSV, "ratings.csv")
    assert (mapping.axis_field, mapping.score_field) == ("axis", "score")
    assert (mapping.scale_min_field, mapping.scale_max_field) == ("scale_min", "scale_max")
    assert mapping.axes == {
        "visual quality": AxisRule(Axis.VISUAL, n="n", sd="sd"),
        "motion": AxisRule(Axis.DYNAMIC, n="n", sd="sd"),
    }


def test_a_label_studio_export_has_a_row_for_each_annotation_that_was_not_skipped() -> None:
    source = open_source(encode(make_label_studio_export()), "export.json")
    rows = list(source.rows)
    assert source.format == "label_studio"
    assert [row.number for row in rows] == [1, 2, 3]
    assert rows[0].marks == (Mark("Flicker", (13.0, 24.0)),)
    assert [row.fields["completed_by"] for row in rows] == [7, 8, "ann@example.org"]
    assert rows[0].fields["defects"] == ["blur", "Odd colours"]
    assert source.notes == [
        "Left out: annotations that their annotators skipped, 1.",
        "Left out: predictions, 1.",
    ]


def test_a_label_studio_export_proposes_axes_reasons_and_defects() -> None:
    mapping = propose(encode(make_label_studio_export()), "export.json")
    assert {name: rule.axis for name, rule in mapping.axes.items()} == {
        "visual_quality": Axis.VISUAL,
        "motion": Axis.DYNAMIC,
        "prompt_alignment": Axis.ALIGNMENT,
    }
    assert mapping.axes["visual_quality"].reason == "visual_reason"
    assert mapping.clip == {"video": "data.video", "prompt": "data.prompt", "generator": "data.model"}
    assert mapping.rater == "completed_by"
    assert mapping.labels == ("defects",)
    assert mapping.defects == {"Flicker": "flicker", "blur": "blur"}


def test_video_score_items_propose_two_axes_because_physical_consistency_is_no_axis_of_ours() -> None:
    content = encode(make_video_score_items())
    rows = list(open_source(content, "1.json").rows)
    mapping = propose(content, "1.json")
    assert mapping.axes == {
        "1_视觉质量评分": AxisRule(Axis.VISUAL, reason="1_视觉质量描述"),
        "2_文本符合度评分": AxisRule(Axis.ALIGNMENT, reason="2_文本符合度描述"),
    }
    assert (mapping.clip, mapping.rater) == ({"video": "video", "prompt": "prompt"}, "")
    assert rows[0].fields["prompt"] == PROMPTS["fox"]
    assert "labels is empty" in rows[2].problem


def test_lines_of_scores_propose_the_three_axes_of_their_cards() -> None:
    mapping = propose(encode_lines(make_score_line(), make_score_line("sea.mp4", error="no file")), "scores.jsonl")
    assert {name: (rule.axis.value, rule.reason, rule.evidence) for name, rule in mapping.axes.items()} == {
        f"card.{axis}.score": (axis.value, f"card.{axis}.reason", "card.visual.evidence" if axis == "visual" else "")
        for axis in Axis
    }
    assert mapping.clip["video"] == "video"


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("", "a.csv", "has no rows"),
        ("[]", "a.json", "has no rows"),
        ('{"a": 1}', "a.json", "list of objects"),
        ("not json", "a.json", "cannot be read as JSON"),
        ("PK\x03\x04", "a.zip", "its name must end in"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_a_sentence(content: str, name: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        open_source(content, name)


@pytest.mark.parametrize(
    "task",
    [
        {"data": 3, "annotations": []},
        {"data": {}, "annotations": {}},
        {"data": {}},
    ],
)
def test_a_damaged_task_costs_one_row(task: dict[str, Any]) -> None:
    good, other = make_label_studio_export()
    rows = list(open_source(encode([good, task, other]), "export.json").rows)
    assert [bool(row.problem) for row in rows] == [False, False, True, False]


@pytest.mark.parametrize(
    "result",
    [
        None,
        "x",
        {},
        {"type": "rating"},
        {"type": "rating", "value": {"rating": 3}},
        {"type": "timelinelabels", "value": {"ranges": None, "timelinelabels": "x"}},
        {"type": "videorectangle", "from_name": "box", "value": {"sequence": []}},
    ],
)
def test_a_result_of_another_shape_is_left_out_and_the_annotation_stays(result: object) -> None:
    tasks = make_label_studio_export()[:1]
    tasks[0]["annotations"] = [{"result": [result], "completed_by": None}]
    assert [row.problem for row in open_source(encode(tasks), "export.json").rows] == [""]


@pytest.mark.parametrize(
    ("value", "score"),
    [
        (4, 4.0),
        ("3,5", 3.5),
        ("5-Very Good", 5.0),
        ("4 - Relatively Good", 4.0),
        ("2 stars", 2.0),
        ("Very Poor", 1.0),
        ("excellent", 5.0),
        (["3-Medium"], 3.0),
        ("", None),
        (None, None),
        ("NaN", None),
    ],
)
def test_a_score_is_a_number_a_word_or_a_label_that_begins_with_a_number(value: object, score: float | None) -> None:
    assert parse_score(value, WORDS) == score


@pytest.mark.parametrize("value", ["superb", "1-5", "3/5", True, [1, 2], {"rating": 3}, "-", "1e400"])
def test_anything_else_is_no_score(value: object) -> None:
    with pytest.raises(ValueError):
        parse_score(value, WORDS)


def test_words_of_a_mapping_are_scores_and_are_shown_as_they_were() -> None:
    assert parse_score("Superb!", {"superb": 7.0}) == 7.0
    assert [describe_answer(value) for value in ("5-Very Good", "4", 4, ["Good"])] == ["5-Very Good", "", "", "Good"]


@pytest.mark.parametrize(
    ("low", "high", "scale"),
    [
        (1, 5, (1, 5)),
        (2, 4, (1, 5)),
        (0, 1, (0, 1)),
        (1, 7, (1, 7)),
        (3, 93, (0, 100)),
        (-2, 2, (-2, 2)),
        (None, None, (1, 5)),
    ],
)
def test_a_scale_is_proposed_that_holds_all_scores(
    low: float | None, high: float | None, scale: tuple[float, float]
) -> None:
    assert propose_scale(low, high) == scale


def test_two_on_a_scale_from_one_to_four_is_a_third_of_the_way_on_ours() -> None:
    assert convert_to_levels(2, 1, 4) == pytest.approx(1 + 4 / 3)
    assert [convert_to_levels(value, 0, 100) for value in (0, 50, 100)] == [1, 3, 5]


@pytest.mark.parametrize(
    ("name", "axis"),
    [
        ("visual_quality", Axis.VISUAL),
        ("Aesthetics", Axis.VISUAL),
        ("motion smoothness", Axis.DYNAMIC),
        ("t2v_align_score", Axis.ALIGNMENT),
        ("phy_score", None),
        ("physical consistency", None),
        ("overall", None),
        ("lead_time", None),
    ],
)
def test_names_of_fields_mean_axes(name: str, axis: Axis | None) -> None:
    assert find_axis(name) == axis


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": ""}, "Name the source"),
        ({"source": "x" * 81}, "at most 80"),
        ({"axes": {}}, "No field is mapped"),
        ({"axes": {"q": {"axis": "beauty"}}}, "the axis must be one of"),
        ({"axes": {"q": {"axis": "visual", "scale_min": 5, "scale_max": 1}}}, "must end above"),
        ({"axes": {"q": {"axis": "visual", "scale_min": "one"}}}, "must be a number"),
        ({"axes": {"q": {"axis": "visual", "weight": 2}}}, "has no entry weight"),
        ({"clip": {}}, "which clip"),
        ({"clip": {"name": "x"}}, "has no field name"),
        ({"axis_field": "axis"}, "or neither"),
        ({"frame_rate": 0}, "above 0"),
        ({"frame_rate": float("inf")}, "must be a number"),
        ({"labels": "x"}, "list of texts"),
        ({"defects": []}, "must be an object"),
        ({"colour": 1}, "has no entry colour"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"source": "lab", "axes": {"q": {"axis": "visual"}}, "clip": {"clip_id": "id"}}
    assert JudgementMapping.from_json(good).axes["q"].axis == Axis.VISUAL
    with pytest.raises(MappingRefused, match=message):
        JudgementMapping.from_json(good | change)


@pytest.mark.parametrize("value", [None, [], "x", 3])
def test_a_mapping_is_an_object(value: object) -> None:
    with pytest.raises(MappingRefused):
        JudgementMapping.from_json(value)


@pytest.mark.parametrize("content", [WIDE_CSV, LONG_CSV])
def test_a_proposed_mapping_survives_its_json(content: str) -> None:
    mapping = propose(content, "ratings.csv")
    assert JudgementMapping.from_json(mapping.to_json()) == mapping
    assert open_source(content, "a.csv").format in FORMATS
