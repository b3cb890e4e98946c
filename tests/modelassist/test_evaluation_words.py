"""Figures on pages: a number with its interval, or the reason why it has none."""

from modelassist.reads.evaluation import arrange_splits, read_headline
from qsave.run.encoding import NOT_MEASURED
from qsave.run.evaluation import Evaluation
from qsave.statistics.figures import Estimate


def axes(value: float) -> dict[str, object]:
    return {"axes": {axis: {"critic": {"srcc": {"value": value}}} for axis in ("visual", "dynamic", "alignment")}}


def test_the_headline_takes_test_before_val() -> None:
    evaluation = Evaluation.from_json({"splits": {"val": axes(0.1), "test": axes(0.6)}})
    headline = read_headline(evaluation)
    assert {axis: figure.value for axis, figure in headline.items()} == {
        "visual": 0.6,
        "dynamic": 0.6,
        "alignment": 0.6,
    }


def test_a_critic_that_was_never_measured_says_so() -> None:
    assert set(read_headline(Evaluation()).values()) == {NOT_MEASURED}


def test_a_table_says_why_figures_are_missing() -> None:
    people = {"people": {"missing": "the release has no ratings.parquet"}}
    value = {"splits": {"test": {"clips": 3, "axes": {"visual": axes(0.6)["axes"]["visual"] | people}}}}  # type: ignore[index]
    [table] = arrange_splits(Evaluation.from_json(value))
    row = table.axes[0]
    assert (table.clips, row.axis, row.srcc.value) == (3, "visual", 0.6)
    assert row.rater_srcc == row.ceiling_srcc == Estimate.undefined("the release has no ratings.parquet")
    assert table.reasons == ["not measured", "the release has no ratings.parquet"]
