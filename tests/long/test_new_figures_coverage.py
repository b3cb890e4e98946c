"""Intervals of AC2, the SOS parameter and drift contain the true value in .93 to .985 of 1,000 campaigns."""

import numpy as np
import pytest

from qsave.statistics.chance import compute_ac2
from qsave.statistics.drift import compute_drifts
from qsave.statistics.figures import Interval
from qsave.statistics.spread_of_opinion import compute_sos
from qsave.statistics.table import RatingTable

pytestmark = pytest.mark.long
CAMPAIGNS = 1000
ITEMS = 60
LOWEST, HIGHEST = 0.93, 0.985
RATERS = 60


def draw(rng: np.random.Generator, items: int, overlap: int) -> RatingTable:
    """Draw a campaign of a crowd with biases of SD .5 and noise of SD .7."""
    bias = rng.normal(0, 0.5, RATERS)
    who = np.argsort(rng.random((items, RATERS)), axis=1)[:, :overlap]
    quality = rng.uniform(1.2, 4.8, items)
    latent = quality[:, None] + bias[who] + rng.normal(0, 0.7, who.shape)
    scores = np.clip(np.round(latent), 1, 5)
    return RatingTable.from_columns(np.repeat(np.arange(items), overlap), who.ravel(), scores.ravel())


@pytest.mark.parametrize("overlap", [3, 4, 5])
def test_ac2_and_sos_hold_for_other_raters_too(overlap: int) -> None:
    rng = np.random.default_rng(overlap)
    large = [draw(rng, 2000, overlap) for _ in range(60)]
    for compute in (compute_ac2, compute_sos):
        truth = float(np.mean([compute(table).value for table in large]))
        intervals = [compute(draw(rng, ITEMS, overlap)).interval for _ in range(CAMPAIGNS)]
        hits = [interval.low <= truth <= interval.high for interval in intervals if isinstance(interval, Interval)]
        assert len(hits) > 0.99 * CAMPAIGNS
        assert LOWEST <= np.mean(hits) <= HIGHEST, (compute.__name__, np.mean(hits))


def test_a_rater_who_does_not_drift_has_a_slope_around_nought() -> None:
    rng = np.random.default_rng(1)
    hits = []
    for _ in range(CAMPAIGNS):
        items, raters = np.divmod(np.arange(160), 4)
        quality, bias = rng.uniform(1.2, 4.8, 40), rng.normal(0, 0.5, 4)
        scores = np.clip(np.round(quality[items] + bias[raters] + rng.normal(0, 0.7, 160)), 1, 5)
        interval = compute_drifts(RatingTable.from_columns(items, raters, scores), np.arange(160))[0].interval
        assert isinstance(interval, Interval)
        hits.append(interval.low <= 0 <= interval.high)
    assert LOWEST <= np.mean(hits) <= HIGHEST, np.mean(hits)
