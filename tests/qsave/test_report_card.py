import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsave.axes import AXES, LEVEL_WORDS, name_level, parse_level, round_to_level
from qsave.report_card import (
    AxisReport,
    Box,
    Evidence,
    ReportCard,
    ReportCardError,
    TimeRange,
    card_from_json,
    card_to_json,
)
from qsave.taxonomy import DEFAULT_AXIS_OF_DEFECT, DEFAULT_TAXONOMY

times = st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)).map(lambda pair: TimeRange(*sorted(pair)))
fractions = st.floats(0, 0.99)
boxes = st.tuples(fractions, fractions, fractions, fractions).map(
    lambda f: Box(f[0], f[1], (1 - f[0]) * (1 - f[2]), (1 - f[1]) * (1 - f[3]))
)
evidence = st.lists(st.builds(Evidence, st.text(min_size=1), st.none() | times, st.none() | boxes), max_size=4)
reports = st.builds(AxisReport, st.floats(1, 5) | st.integers(1, 5), evidence.map(tuple), st.text())
cards = st.builds(ReportCard, reports, reports, reports)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*AXES, "score", "evidence", "reason"]), inner),
)


@given(cards)
def test_a_card_comes_back_from_json_text(card: ReportCard) -> None:
    assert card_from_json(json.loads(json.dumps(card_to_json(card)))) == card


@given(anything)
def test_any_json_is_a_card_or_a_report_card_error(value: object) -> None:
    try:
        card = card_from_json(value)
    except ReportCardError:
        return
    assert isinstance(card, ReportCard)


def _changed(path: str, value: object) -> dict[str, Any]:
    card: dict[str, Any] = {axis.value: {"score": 3, "evidence": [], "reason": ""} for axis in AXES}
    axis, field = path.split(".")
    card[axis][field] = value
    return card


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (_changed("visual.score", 6), r"visual: a score must be from 1 to 5, got 6"),
        (_changed("visual.score", float("nan")), "visual: a score must be"),
        (_changed("dynamic.score", True), "dynamic: score must be a number"),
        (_changed("alignment.reason", None), "alignment: reason must be text"),
        (_changed("visual.evidence", [{"time": None}]), "visual: a piece of evidence names its defect"),
        (_changed("visual.evidence", [{"defect": "blur", "time": [2, 1]}]), "time range"),
        (_changed("visual.evidence", [{"defect": "blur", "time": [0, float("inf")]}]), "time range"),
        (_changed("visual.evidence", [{"defect": "blur", "time": [0, float("nan")]}]), "time range"),
        (_changed("visual.evidence", [{"defect": "blur", "time": []}]), "list of 2 numbers"),
        (_changed("visual.evidence", [{"defect": "blur", "box": [0, 0, 2, 1]}]), "inside the frame"),
        (_changed("visual.evidence", [{"defect": "blur", "box": [0, 0, 0, 1]}]), "inside the frame"),
        (_changed("visual.evidence", [{"defect": "blur", "box": [float("nan"), 0, 1, 1]}]), "inside the frame"),
        (_changed("visual.evidence", [{"defect": "blur", "box": [0, 0, float("nan"), 1]}]), "inside the frame"),
        (_changed("visual.evidence", [{"defect": "blur", "box": [0, 0, 1, float("nan")]}]), "inside the frame"),
        (_changed("visual.evidence", [{"defect": "blur", "box": [0, float("nan"), 1, 1]}]), "inside the frame"),
        ({"visual": {}}, "exactly the axes"),
        ([], "an object with the three axes"),
    ],
)
def test_the_error_names_the_axis_and_the_field(value: object, message: str) -> None:
    with pytest.raises(ReportCardError, match=message):
        card_from_json(value)


def test_defects_are_distinct_and_in_the_order_first_named() -> None:
    pieces = (Evidence("blur"), Evidence("noise"), Evidence("blur", TimeRange(0, 1)))
    assert AxisReport(3, pieces).defects == ("blur", "noise")


def test_level_words_and_values_are_each_others_inverse() -> None:
    assert [name_level(level) for level in range(1, 6)] == list(LEVEL_WORDS)
    assert [parse_level(word) for word in LEVEL_WORDS] == [1, 2, 3, 4, 5]
    for level in (0, 6):
        with pytest.raises(ValueError, match="must be from 1 to 5"):
            name_level(level)
    with pytest.raises(ValueError, match="unknown level 'great'"):
        parse_level("great")


@pytest.mark.parametrize(("mos", "level"), [(1, 1), (1.49, 1), (1.5, 2), (2.5, 3), (3.5, 4), (4.49, 4), (5, 5)])
def test_a_mos_becomes_a_level_by_rounding_half_up(mos: float, level: int) -> None:
    assert round_to_level(mos) == level


@pytest.mark.parametrize("mos", [0.99, 5.01, float("nan")])
def test_a_mos_outside_the_scale_is_refused(mos: float) -> None:
    with pytest.raises(ValueError, match="MOS"):
        round_to_level(mos)


def test_defect_ids_are_unique_tokens_of_one_axis() -> None:
    ids = [defect.id for defect in DEFAULT_TAXONOMY]
    assert len(ids) == len(set(ids)) == 34
    assert {axis: sum(found == axis for found in DEFAULT_AXIS_OF_DEFECT.values()) for axis in AXES} == dict(
        zip(AXES, (12, 11, 11), strict=True)
    )
