"""Agreement of report cards: cases known by hand, and what holds of any of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsave.card_agreement import compute_defect_f1, compute_evidence_overlap, compute_time_iou, contradicts_level
from qsave.report_card import AxisReport, Evidence, TimeRange


def timed(defect: str, start: float, end: float) -> Evidence:
    return Evidence(defect, TimeRange(start, end))


@given(st.lists(st.sampled_from("abcd"), unique=True), st.lists(st.sampled_from("abcd"), unique=True))
def test_defect_f1_is_one_for_equal_lists_and_zero_for_disjoint_ones(said: list[str], meant: list[str]) -> None:
    value = compute_defect_f1(said, meant)
    assert 0 <= value <= 1
    assert (value == 1) == (set(said) == set(meant))
    assert (value == 0) == (not set(said) & set(meant) and bool(said or meant))


@pytest.mark.parametrize(
    ("one", "other", "iou"),
    [
        ((0, 2), (1, 3), 1 / 3),
        ((0, 1), (2, 3), 0.0),
        ((1, 2), (1, 2), 1.0),
        ((1, 1), (1, 1), 1.0),
        ((0, 4), (1, 2), 0.25),
    ],
)
def test_overlap_in_time(one: tuple[float, float], other: tuple[float, float], iou: float) -> None:
    assert compute_time_iou(TimeRange(*one), TimeRange(*other)) == pytest.approx(iou)
    assert compute_time_iou(TimeRange(*other), TimeRange(*one)) == pytest.approx(iou)


def test_evidence_counts_only_for_its_own_defect() -> None:
    meant = (timed("blur", 0, 2),)
    assert compute_evidence_overlap((timed("blur", 1, 2),), meant) == pytest.approx(0.5)
    assert compute_evidence_overlap((timed("noise", 0, 2),), meant) == 0
    assert compute_evidence_overlap((), meant) == 0
    assert compute_evidence_overlap((timed("blur", 0, 2),), (Evidence("blur"),)) is None


@pytest.mark.parametrize(
    ("level", "evidence", "expected"),
    [(5, (Evidence("blur"),), True), (5, (), False), (2, (), True), (2, (Evidence("blur"),), False), (3, (), False)],
)
def test_defects_that_contradict_the_level(level: int, evidence: tuple[Evidence, ...], expected: bool) -> None:
    assert contradicts_level(AxisReport(level, evidence)) is expected
