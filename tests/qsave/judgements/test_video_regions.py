"""Regions of a video in Label Studio's exports become marks with frames and a place."""

from typing import Any

import pytest

from qsave.judgements.label_studio import read_rows
from qsave.judgements.records import Mark
from qsave.judgements.video_regions import is_region, read_region, take_marks
from qsave.tables.table import Row
from tests.support.foreign_ratings import make_json_min, make_label_studio_result, make_rectangle

BOX = (0.1, 0.1, 0.4, 0.5)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # until the end of the video, until the key frame that is not enabled, and a second time
        (make_rectangle((1, 10, 10, True), (12, 30, 50, True)), [Mark("a", (1, 48), BOX)]),
        (make_rectangle((1, 10, 10, True), (12, 30, 50, True), (24, 0, 0, False)), [Mark("a", (1, 24), BOX)]),
        (
            make_rectangle((30, 30, 50, True), (1, 10, 10, True), (24, 0, 0, False)),
            [Mark("a", (1, 24), (0.1, 0.1, 0.2, 0.1)), Mark("a", (30, 48), (0.3, 0.5, 0.2, 0.1))],
        ),
        (make_rectangle((1, 10, 10, True), count=0), [Mark("a", (1, 1), (0.1, 0.1, 0.2, 0.1))]),
        (make_rectangle((1, 90, 95, True)), [Mark("a", (1, 48), (0.9, 0.95, 0.1, 0.05))]),
        (make_rectangle((1, 120, 10, True)), [Mark("a", (1, 48))]),  # outside of the frame
        (make_rectangle((1, 10, 10, False)), []),
        (make_rectangle(), []),
        ({"ranges": [{"start": 13, "end": 24}, {"start": "?"}]}, [Mark("a", (13, 24)), Mark("a")]),
        ({"sequence": [None, {"frame": "x"}, {"frame": 2, "rotation": 30, "width": 5}]}, [Mark("a", (2, 2))]),
    ],
)
def test_a_region_is_shown_from_one_key_frame_to_another_in_the_box_that_holds_it(
    value: dict[str, Any], expected: list[Mark]
) -> None:
    marks = list(read_region(value | {"labels": ["a"]}))

    assert [(mark.label, mark.frames) for mark in marks] == [(mark.label, mark.frames) for mark in expected]
    assert [mark.box for mark in marks] == [mark.box and pytest.approx(mark.box) for mark in expected]


@pytest.mark.parametrize(
    ("labels", "beside", "expected"),
    [({"labels": ["a", "b"]}, ["c"], ["a", "b"]), ({}, ["c"], ["c"]), ({}, [], ["box"]), ({"labels": []}, [], ["box"])],
)
def test_labels_are_those_of_the_region_else_those_beside_it_else_its_control(
    labels: dict[str, Any], beside: list[str], expected: list[str]
) -> None:
    value = make_rectangle((1, 10, 10, True)) | labels
    assert [mark.label for mark in read_region(value, labels=beside, name="box")] == expected


def test_an_export_labels_a_rectangle_by_a_result_with_its_id() -> None:
    box = make_label_studio_result("box", "videorectangle", make_rectangle((1, 10, 10, True)))
    label = make_label_studio_result("box", "labels", {"labels": ["Blur"]})
    task = {"data": {"video": "fox.mp4"}, "annotations": [{"completed_by": 1, "result": [box, label]}]}
    notes: list[str] = []

    (row,) = read_rows(iter([Row(1, 1, task)]), notes)

    assert [mark.label for mark in row.marks] == ["Blur"]
    assert notes == []


def test_the_short_export_has_answers_and_regions_side_by_side() -> None:
    fields, marks = take_marks(make_json_min()[0])

    assert (fields["visual_quality"], fields["motion"]) == (4, 3)
    assert not {"moments", "box"} & fields.keys()
    assert [(mark.label, mark.frames) for mark in marks] == [("Flicker", (13, 24)), ("Blur", (1, 24))]


@pytest.mark.parametrize("value", [None, 3, "ranges", {"ranges": 3}, {"defect": "blur"}, [], {}])
def test_other_values_are_no_regions(value: object) -> None:
    assert not is_region(value)
    assert take_marks({"a": value, "b": [value]}) == ({"a": value, "b": [value]}, ())
