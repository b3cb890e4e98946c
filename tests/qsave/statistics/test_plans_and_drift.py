"""Power of paired tests, drift of raters, shares of variance and agreement on defects, against known answers."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from qsave.statistics.alpha import compute_alpha
from qsave.statistics.defects import compute_defect_agreement
from qsave.statistics.drift import compute_drifts, estimate_slope
from qsave.statistics.figures import Interval, Undefined
from qsave.statistics.generators import split_by_generator
from qsave.statistics.power import compute_power, count_prompts_needed, plan_prompts
from qsave.statistics.table import RatingTable
from qsave.statistics.variance_shares import compute_variance_shares
from tests.support.tables import make_table


@pytest.mark.parametrize("sd", [0.05, 0.3, 0.7, 2.5])
def test_the_power_is_that_of_statsmodels(sd: float) -> None:
    oracle = TTestPower()
    powers = [compute_power(sd, prompts) for prompts in (2, 7, 40, 300)]
    assert powers == sorted(powers)
    for prompts, power in zip((2, 7, 40, 300), powers, strict=True):
        expected = oracle.power(0.2 / sd, prompts, 0.05)  # NaN where a tail underflows
        assert power == pytest.approx(expected, abs=1e-6) if np.isfinite(expected) else power > 0.99
    needed = count_prompts_needed(sd)
    assert not isinstance(needed, Undefined)
    assert oracle.power(0.2 / sd, needed, 0.05) >= 0.8
    assert needed == 2 or oracle.power(0.2 / sd, needed - 1, 0.05) < 0.8


def test_ten_thousands_of_prompts_are_not_a_plan() -> None:
    assert "more than" in str(count_prompts_needed(60.0))
    assert count_prompts_needed(0.0) == 2


def test_the_plan_pools_the_differences_of_all_pairs() -> None:
    """Generators a and b differ by 0 or 1 in turn over 12 prompts; c shares one prompt with each."""
    rows = [(name, prompt, 3.0 + (name == "a") * (prompt % 2)) for prompt in range(12) for name in "ab"] + [("c", 0, 3)]
    plan = plan_prompts(split_by_generator(rows))
    assert plan.sd == pytest.approx(np.std([0, 1] * 6, ddof=1))
    assert plan.freedom == 11
    assert plan.prompts == count_prompts_needed(float(np.std([0, 1] * 6, ddof=1)))
    few = plan_prompts(split_by_generator(rows[:8]))
    assert "too few" in str(few.prompts)
    apart = split_by_generator([("a", 1, 2.0), ("b", 2, 3.0)])
    assert "share two prompts" in str(plan_prompts(apart).sd)


def test_a_slope_is_that_of_scipy() -> None:
    rng = np.random.default_rng(6)
    times, values = rng.random(40), rng.normal(0, 1, 40)
    line, estimate = stats.linregress(times, values), estimate_slope(times, values)
    reach = stats.t.ppf(0.975, 38) * line.stderr
    assert estimate.value == pytest.approx(line.slope)
    assert isinstance(estimate.interval, Interval)
    assert estimate.interval.low == pytest.approx(line.slope - reach)
    assert estimate.interval.high == pytest.approx(line.slope + reach)


def test_a_rater_who_becomes_stricter_is_found_and_the_others_are_not() -> None:
    """400 clips by four raters, in the order of the clips; rater 0 loses .3 of a level over each 100 ratings."""
    rng = np.random.default_rng(7)
    items, raters = np.divmod(np.arange(1600), 4)
    quality = rng.uniform(2, 4, 400)
    scores = quality[items] + rng.normal(0, 0.5, 1600) - np.where(raters == 0, 0.003 * items, 0)
    drifts = compute_drifts(RatingTable.from_columns(items, raters, scores), np.arange(1600))
    assert drifts[0].value == pytest.approx(-0.3, abs=0.05)
    for rater in (1, 2, 3):  # they drift up against the mean of the others, by a third of that
        assert drifts[rater].value == pytest.approx(0.1, abs=0.06)
    alone = compute_drifts(RatingTable.from_columns(items, raters, scores), np.arange(1600), screened={0, 1, 2})
    assert "shared with others" in str(alone[3].value)
    assert "20 clips" in str(compute_drifts(make_table([[3, 4]]), np.arange(2))[0].value)
    assert "never vary" in str(estimate_slope(np.arange(30.0), np.zeros(30)).interval)


def test_shares_of_variance_are_those_that_were_simulated() -> None:
    """Prompts .5, clips of a prompt .3, raters .1 and noise .1, over 400 prompts of 4 clips and 60 raters."""
    rng = np.random.default_rng(8)
    quality = np.repeat(rng.normal(0, 0.5**0.5, 400), 4) + rng.normal(0, 0.3**0.5, 1600)
    bias = rng.normal(0, 0.1**0.5, 60)
    bias *= 0.1**0.5 / bias.std(ddof=1)
    items = np.repeat(np.arange(1600), 4)
    raters = np.concatenate([rng.permutation(60)[:4] for _ in range(1600)])
    scores = 3 + quality[items] + bias[raters] + rng.normal(0, 0.1**0.5, len(items))
    shares = compute_variance_shares(RatingTable.from_columns(items, raters, scores), (np.arange(1600) // 4).tolist())
    assert shares.total == pytest.approx(1, abs=0.06)
    for share, true in ((shares.prompt, 0.5), (shares.item, 0.3), (shares.rater, 0.1), (shares.residual, 0.1)):
        assert share == pytest.approx(true, abs=0.04)
    parts = (shares.prompt, shares.item, shares.rater, shares.residual)
    assert sum(part for part in parts if not isinstance(part, Undefined)) == pytest.approx(1)


def test_shares_without_repeated_ratings_say_why() -> None:
    for table, why in (
        (RatingTable.from_triples([]), "nothing"),
        (make_table([[3], [4]]), "two ratings"),
        (make_table([[3, 3], [3, 3]]), "equal"),
    ):
        assert why in str(compute_variance_shares(table, range(table.item_count)).prompt)


def test_agreement_on_a_defect_is_alpha_of_its_presence() -> None:
    rng = np.random.default_rng(9)
    items, raters = np.divmod(np.arange(180), 3)
    table = RatingTable.from_columns(items, raters, np.full(180, 3.0))
    clear = items % 3 == 0
    noisy = clear ^ (rng.random(180) < 0.1)
    rare = items == 0
    found, unsure, single, never = compute_defect_agreement(
        table, {"blur": clear, "noise": noisy, "banding": rare, "watermark": rare & False}
    )
    assert found.prevalence == pytest.approx(1 / 3)
    assert (found.clips, found.alpha.estimate.value) == (20, 1.0)
    expected = compute_alpha(table.replace_scores(noisy.astype(np.float64)), "nominal")
    assert unsure.alpha.estimate.value == expected.value
    assert not unsure.alpha.is_thin
    assert single.alpha.thin == "1 clip has this defect; agreement on it can be read from about 10."
    assert never.alpha.thin.startswith("No clip has this defect")
    assert isinstance(never.alpha.estimate.value, Undefined)
