"""Tallies give the same figures as the table of ratings."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsave.statistics.figures import Undefined
from qsave.statistics.mos import compute_mos, compute_pooled_sd
from qsave.statistics.table import RatingTable
from qsave.statistics.tallies import Tally, compute_pooled_sd_of, pack_tally, summarise_tallies, unpack_tally

scores = st.lists(st.integers(1, 5), min_size=1, max_size=12)
items = st.lists(scores, min_size=1, max_size=8)


@given(scores, scores)
def test_the_tally_of_two_lists_is_the_sum_of_their_tallies(first: list[int], second: list[int]) -> None:
    both = first + second
    assert pack_tally(first) + pack_tally(second) == pack_tally(both)
    assert unpack_tally(pack_tally(both)) == (len(both), sum(both), sum(score**2 for score in both))


def test_no_scores_have_a_tally_without_deviations() -> None:
    assert unpack_tally(0) == Tally(0, 0, 0)
    assert Tally(0, 0, 0).deviations == 0


@given(items)
def test_figures_from_tallies_equal_those_from_ratings(given_scores: list[list[int]]) -> None:
    table = RatingTable.from_triples(
        (item, rater, float(score)) for item, row in enumerate(given_scores) for rater, score in enumerate(row)
    )
    tallies = [unpack_tally(pack_tally(row)) for row in given_scores]
    counts = [*Counter(tallies).items(), (Tally(0, 0, 0), 7)]
    expected, pooled = compute_pooled_sd(table), compute_pooled_sd_of(counts)
    if isinstance(expected, Undefined):
        assert pooled == expected
    else:
        assert pooled == pytest.approx(expected, abs=1e-9)
    for mine, record in zip(
        summarise_tallies(tallies, pooled=pooled), compute_mos(table, pooled=expected), strict=True
    ):
        assert mine.n == record.n
        assert (mine.mos, mine.low, mine.high, mine.se) == pytest.approx(
            (record.mos, record.low, record.high, record.se), abs=1e-7
        )
        if isinstance(record.sd, Undefined):
            assert mine.sd == record.sd
        else:
            assert mine.sd == pytest.approx(record.sd, abs=1e-7)
