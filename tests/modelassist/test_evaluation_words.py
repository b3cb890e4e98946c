"""Figures on pages: a number with its interval, or the reason why it has none."""

import pytest

from modelassist.reads.evaluation import arrange_splits, write_figure, write_headline
from qsave.run.encoding import NOT_MEASURED
from qsave.run.evaluation import Evaluation
from qsave.statistics.figures import Estimate, Interval, Undefined


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        (Estimate(0.714, Interval(0.52, 0.831)), "0.71 (0.52 to 0.83)"),
        (Estimate(0.714, Undefined("too little varies")), "0.71"),
        (Estimate.undefined("all clips have the same MOS"), "undefined: all clips have the same MOS"),
        (NOT_MEASURED, "not measured"),
    ],
)
def test_a_figure_in_words(figure: Estimate, words: str) -> None:
    assert write_figure(figure) == words


def axes(value: float) -> dict[str, object]:
    return {"axes": {axis: {"critic": {"srcc": {"value": value}}} for axis in ("visual", "dynamic", "alignment")}}


def test_the_headline_takes_test_before_val() -> None:
    evaluation = Evaluation.from_json({"splits": {"val": axes(0.1), "test": axes(0.6)}})
    assert write_headline(evaluation) == {"visual": "0.60", "dynamic": "0.60", "alignment": "0.60"}


def test_a_critic_that_was_never_measured_says_so() -> None:
    assert set(write_headline(Evaluation()).values()) == {"not measured"}


def test_a_table_says_why_figures_are_missing() -> None:
    people = {"people": {"missing": "the release has no ratings.parquet"}}
    value = {"splits": {"test": {"clips": 3, "axes": {"visual": axes(0.6)["axes"]["visual"] | people}}}}  # type: ignore[index]
    [table] = arrange_splits(Evaluation.from_json(value))
    row = table.axes[0]
    assert (table.clips, row.axis, row.srcc.value) == (3, "visual", 0.6)
    assert row.rater_srcc == row.ceiling_srcc == Estimate.undefined("the release has no ratings.parquet")
    assert table.reasons == ["not measured", "the release has no ratings.parquet"]
