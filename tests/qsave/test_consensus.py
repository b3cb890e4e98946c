import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsave.consensus import (
    Opinion,
    compute_median,
    has_consensus,
    is_contested,
    list_contested,
    list_majority,
    make_consensus,
)
from qsave.report_card import AxisReport, Evidence, TimeRange

scores_of_raters = st.lists(st.integers(1, 5), min_size=1, max_size=9)


@pytest.mark.parametrize(
    ("scores", "median"),
    [
        ((4,), 4),
        ((3, 4), 4),
        ((2, 4), None),
        ((2, 2, 5), 2),
        ((2, 3, 5), 3),
        ((1, 3, 5), None),
        ((2, 2, 4, 4), None),
        ((3, 3, 3, 1), 3),
        ((), None),
    ],
)
def test_scores_have_a_consensus_if_two_thirds_are_at_neighbouring_levels(
    scores: tuple[int, ...], median: int | None
) -> None:
    assert has_consensus(scores) == (median is not None)
    if median is not None:
        assert compute_median(scores) == median


@given(scores=scores_of_raters)
def test_a_consensus_lies_within_half_a_level_of_two_thirds_of_the_raters(scores: list[int]) -> None:
    if has_consensus(scores):
        near = [score for score in scores if abs(score - compute_median(scores)) <= 1]
        assert 3 * len(near) >= 2 * len(scores)


@given(named=st.integers(0, 9), others=st.integers(0, 9))
def test_a_contested_defect_has_no_majority_of_two_thirds_on_either_side(named: int, others: int) -> None:
    raters = named + others
    assert is_contested(named, raters) == (3 * named < 2 * raters and 3 * others < 2 * raters)
    assert is_contested(named, raters) == is_contested(others, raters)


def test_the_consensus_has_the_marks_and_the_reason_of_the_closest_rater() -> None:
    blur, noise = Evidence("blur", TimeRange(0.5, 1.0)), Evidence("noise")
    opinions = [
        Opinion(AxisReport(5.0, (Evidence("blur"),), "It is fine."), 0),
        Opinion(AxisReport(2.0, (blur,), "The edge is soft."), 1),
        Opinion(AxisReport(2.0, (blur, noise), "Soft and noisy."), 2),
    ]

    assert make_consensus(opinions) == AxisReport(2.0, (blur,), "The edge is soft.")
    assert list_contested([opinion.report for opinion in opinions]) == []
    assert list_contested([opinion.report for opinion in opinions[1:]]) == ["noise"]
    assert make_consensus(opinions[:2]) is None


def test_a_majority_is_at_least_half_of_the_raters() -> None:
    assert list_majority([["b", "b", "a"], ["a"], ["c"], ["a", "b"]]) == ["a", "b"]
