"""A figure that cannot be computed says why."""

import numpy as np
import pytest

from qsave.statistics.alpha import compute_alpha
from qsave.statistics.anchoring import measure_anchoring, summarise_edit_distances
from qsave.statistics.correlation import compute_correlations, compute_plcc
from qsave.statistics.figures import Undefined
from qsave.statistics.generators import split_by_generator, summarise_generators
from qsave.statistics.icc import compute_icc
from qsave.statistics.mos import ASSUMED_SD, LEAST_SD, choose_prior_sd, compute_mean_mos, compute_mos, compute_pooled_sd
from qsave.statistics.p910 import fit_p910
from qsave.statistics.raters import compute_rater_figures, count_matches
from qsave.statistics.screening import screen_raters
from qsave.statistics.table import RatingTable
from tests.support.tables import make_table


def reason(figure: object) -> str:
    assert isinstance(figure, Undefined), figure
    return figure.reason


def test_alpha_of_equal_ratings() -> None:
    assert "all ratings are equal" in reason(compute_alpha(make_table([[3, 3], [3, 3]])).value)


def test_alpha_of_one_rater() -> None:
    assert "two ratings" in reason(compute_alpha(make_table([[3], [4]])).value)


def test_equal_items_have_no_interval_of_reliability() -> None:
    table = make_table([[1, 2, 4, 3, 1, 2], [2, 1, 2, 5, 1, 2]])
    figures = compute_icc(table)
    assert "do not differ" in reason(figures.single.interval)
    assert "do not differ" in reason(figures.average.value)


def test_alpha_of_nothing() -> None:
    assert "two ratings" in reason(compute_alpha(RatingTable.from_triples([])).value)


def test_pooled_spread_of_single_ratings() -> None:
    assert "two ratings" in reason(compute_pooled_sd(make_table([[3], [4]])))


def test_mean_over_no_items() -> None:
    assert "rated yet" in reason(compute_mean_mos([]).value)


def test_bt500_does_not_apply_to_few_ratings() -> None:
    verdicts = screen_raters(make_table([[1, 5, 5, 5, 5, 5]] * 9))
    assert all("not applicable" in reason(rater.rejected) for rater in verdicts)


def test_p910_has_no_answer_where_nobodys_spread_can_be_told() -> None:
    assert "spread" in reason(fit_p910(RatingTable.from_triples([(0, 0, 1), (0, 1, 2)])))


def test_p910_refuses_parts_without_a_common_rater() -> None:
    apart = [[1, 2, np.nan, np.nan], [3, 5, np.nan, np.nan], [np.nan, np.nan, 1, 4], [np.nan, np.nan, 2, 2]]
    assert "2 parts" in reason(fit_p910(make_table(apart)))


def test_a_rater_alone_has_no_bias() -> None:
    assert "shared" in reason(compute_rater_figures(make_table([[3], [4]]))[0].bias)


def test_a_constant_predictor_has_an_error_and_no_correlation() -> None:
    figures = compute_correlations([3.0] * 6, [1, 2, 3, 4, 5, 5])
    assert "all predictions are equal" in reason(figures.srcc.value)
    assert not isinstance(figures.rmse.value, Undefined)


def test_a_prediction_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="leave it out"):
        compute_plcc([1, float("nan"), 2], [1, 2, 3])


def test_no_gold_no_repeats_no_drafts() -> None:
    assert reason(count_matches([]).equal)
    assert reason(summarise_edit_distances([]).mean)
    assert reason(measure_anchoring([("a", True, 3)], {}).difference.value)


def test_one_prompt_group_has_no_interval() -> None:
    (row,) = summarise_generators(split_by_generator([("wan", "p", 3.0), ("wan", "p", 4.0)]))
    assert row.mos.value == 3.5
    assert "one prompt group" in reason(row.mos.interval)


def test_the_prior_spread_is_the_pooled_one_or_assumed_and_never_below_rounding() -> None:
    assert choose_prior_sd(0.7) == 0.7
    assert choose_prior_sd(Undefined("no clip has two ratings")) == ASSUMED_SD
    table = make_table([[3, 3], [4, 4]])
    agreed, unknown, rounded = (
        compute_mos(table, pooled=pooled)[0].se for pooled in (0.0, Undefined("no clip has two ratings"), LEAST_SD)
    )
    assert agreed == rounded
    assert unknown == compute_mos(table, pooled=ASSUMED_SD)[0].se > rounded
