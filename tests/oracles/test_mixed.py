"""The mixed model against statsmodels and the analysis of variance, and where others have no answer."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.regression.mixed_linear_model import MixedLM

from qsave.statistics.figures import THESE_RATERS, Undefined
from qsave.statistics.mixed import MixedModel, fit_mixed_model
from qsave.statistics.mos import ASSUMED_SD, LEAST_SD
from qsave.statistics.table import RatingTable
from tests.support.tables import make_table

triples = st.dictionaries(st.tuples(st.integers(0, 6), st.integers(0, 4)), st.integers(1, 5), min_size=1).map(
    lambda cells: [(item, rater, score) for (item, rater), score in cells.items()]
)


def fit(table: RatingTable) -> MixedModel:
    model = fit_mixed_model(table)
    assert isinstance(model, MixedModel)
    return model


def sparse_table(seed: int, items: int = 40, raters: int = 9, overlap: int = 4) -> RatingTable:
    rng = np.random.default_rng(seed)
    quality, bias = rng.uniform(1, 5, items), rng.normal(0, 0.8, raters)
    return RatingTable.from_triples(
        (item, rater, quality[item] + bias[rater] + rng.normal(0, 0.7))
        for item in range(items)
        for rater in rng.permutation(raters)[:overlap].tolist()
    )


@pytest.mark.parametrize("seed", range(4))
def test_it_answers_as_statsmodels(seed: int) -> None:
    table = sparse_table(seed)
    dummies = np.eye(table.item_count)[table.items]
    theirs = MixedLM(table.scores, dummies, groups=pd.Series(table.raters)).fit(reml=True)
    model = fit(table)
    assert model.variances.residual == pytest.approx(theirs.scale, rel=1e-3)
    assert model.variances.rater == pytest.approx(float(np.asarray(theirs.cov_re)[0, 0]), rel=1e-2)
    assert model.mos == pytest.approx(np.asarray(theirs.fe_params), abs=1e-3)
    assert model.se == pytest.approx(np.asarray(theirs.bse_fe), rel=1e-2)
    biases = [theirs.random_effects[rater].iloc[0] for rater in range(table.rater_count)]
    assert model.bias == pytest.approx(biases, abs=1e-3)


@pytest.mark.parametrize(("items", "raters", "seed"), [(30, 7, 0), (12, 8, 1), (60, 3, 2)])
def test_a_complete_table_has_the_components_of_its_analysis_of_variance(items: int, raters: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(3, 1, (items, 1)) + rng.normal(0, 1, raters) + rng.normal(0, 0.6, (items, raters))
    by_item, by_rater, grand = scores.mean(axis=1), scores.mean(axis=0), scores.mean()
    residual = ((scores - by_item[:, None] - by_rater + grand) ** 2).sum() / ((items - 1) * (raters - 1))
    between_raters = items * ((by_rater - grand) ** 2).sum() / (raters - 1)
    between_items = raters * ((by_item - grand) ** 2).sum() / (items - 1)
    model = fit(make_table(scores))
    assert model.variances.residual == pytest.approx(residual, rel=1e-5)
    assert model.variances.rater == pytest.approx((between_raters - residual) / items, rel=1e-4)
    assert model.variances.item == pytest.approx((between_items - residual) / raters, rel=1e-4)
    assert model.mos == pytest.approx(by_item, abs=1e-9)
    assert model.bias.sum() == pytest.approx(0, abs=1e-9)
    of_these = residual / raters
    expected = of_these if model.population == THESE_RATERS else of_these + model.variances.rater / raters
    assert model.se**2 == pytest.approx(np.full(items, expected), rel=1e-4)


def test_the_two_way_forms_are_those_of_shrout_and_fleiss() -> None:
    judges = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    variances = fit(make_table(judges)).variances
    assert variances.agreement == pytest.approx(0.289764, abs=1e-4)
    assert variances.consistency == pytest.approx(0.714841, abs=1e-4)


@settings(deadline=None, max_examples=60)
@given(triples)
def test_every_table_with_a_rating_has_an_answer(rows: list[tuple[int, int, int]]) -> None:
    table = RatingTable.from_triples(rows)
    model = fit(table)
    assert np.isfinite(model.mos).all()
    assert np.isfinite(model.bias).all()
    assert (model.se >= LEAST_SD / np.sqrt(table.rater_count) - 1e-12).all()
    for row in model.rows:
        assert 1 <= row.low <= row.mos <= row.high <= 5
    assert min(model.variances.item, model.variances.rater, model.variances.residual) >= 0


def test_no_rating_has_no_answer() -> None:
    assert "nothing has been rated" in str(fit_mixed_model(RatingTable.from_triples([])))
    assert isinstance(fit_mixed_model(RatingTable.from_triples([])), Undefined)


def test_one_rating_an_item_assumes_a_spread_and_says_so() -> None:
    model = fit(RatingTable.from_triples([("a", "ann", 2), ("b", "bob", 4)]))
    assert model.mos.tolist() == [2, 4]
    assert model.se.tolist() == [ASSUMED_SD, ASSUMED_SD]
    assert "No clip has two ratings" in model.notes[0]


def test_equal_ratings_are_not_certain() -> None:
    model = fit(make_table([[3, 3], [4, 4]]))
    assert model.se == pytest.approx(LEAST_SD / np.sqrt(2))
    assert "hardly differ" in model.notes[0]


def test_raters_who_differ_by_their_bias_alone_are_put_level() -> None:
    """Two raters one level apart on six items, and each alone on one more: those two move by half a level."""
    both = [(item, rater, item % 3 + 2 + rater) for item in range(6) for rater in (0, 1)]
    model = fit(RatingTable.from_triples([*both, (6, 0, 2), (7, 1, 3)]))
    assert model.bias == pytest.approx([-0.5, 0.5])
    assert model.mos[-2:] == pytest.approx([2.5, 2.5])
    assert model.variances.rater == pytest.approx(0.5)


def test_a_rater_with_one_rating_is_shrunk_and_named_in_a_note() -> None:
    table = sparse_table(0)
    rows = list(zip(table.items.tolist(), table.raters.tolist(), table.scores.tolist(), strict=True))
    lonely = RatingTable.from_triples([*rows, (0, 99, 9.0)])
    model, before = fit(lonely), fit(table)
    assert model.notes == ("1 rater gave one rating only: its bias is shrunk towards 0.",)
    gap = 9.0 - before.mos[0]
    assert 0 < model.bias[-1] < 0.75 * gap


def test_the_mixed_model_comes_nearer_than_the_plain_mean() -> None:
    rng = np.random.default_rng(3)
    quality, bias = rng.uniform(1, 5, 300), rng.normal(0, 0.8, 20)
    table = RatingTable.from_triples(
        (item, rater, quality[item] + bias[rater] - bias.mean() + rng.normal(0, 0.7))
        for item in range(300)
        for rater in rng.permutation(20)[:3].tolist()
    )
    plain, corrected = (float(np.sqrt(((mos - quality) ** 2).mean())) for mos in (table.means, fit(table).mos))
    assert corrected < 0.75 * plain
