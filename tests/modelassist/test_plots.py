"""The plots of runs and critics show the figures of the evaluation, on honest scales."""

from pathlib import Path

import pytest

from modelassist.reads.plots import plot_curves, plot_evaluation
from qsave.run.evaluation import Evaluation
from qsave.run.files import name_predictions_file
from tests.modelassist.test_views import FIGURES

BIN = {"from": 0.2, "to": 0.3, "count": 12, "expected": 0.24, "observed": 0.5, "low": 0.3, "high": 0.7}


def make_evaluation(**visual: object) -> Evaluation:
    axes = FIGURES["axes"]
    assert isinstance(axes, dict)
    split = FIGURES | {"simulated": True, "axes": axes | {"visual": axes["visual"] | visual}}
    return Evaluation.from_json({"splits": {"test": split}})


def test_correlations_are_drawn_with_intervals_in_the_order_critic_rater_ceiling() -> None:
    (plot,) = plot_evaluation(make_evaluation(), None)["test"]
    assert plot.rows == (
        ("visual", "This critic", 0.7125, 0.5, 0.9),
        ("visual", "One rater", 0.66, None, None),
        ("visual", "Ceiling of the MOS", 0.88, 0.8, 0.93),
    )
    assert (plot.x.low, plot.x.high) == (0, 1)
    assert plot.is_simulated


@pytest.mark.parametrize("srcc", [{"value": -0.1}, {"value": 0.1, "low": -0.2, "high": 0.4}])
def test_a_correlation_below_zero_has_room(srcc: dict[str, float]) -> None:
    (plot,) = plot_evaluation(make_evaluation(critic={"srcc": srcc}), None)["test"]
    assert (plot.x.low, plot.x.high) == (-1, 1)


def test_calibration_is_drawn_from_its_bins_over_the_whole_range() -> None:
    _srcc, plot = plot_evaluation(make_evaluation(calibration={"bins": [BIN], "error": 0.2}), None)["test"]
    assert [*plot.rows] == [("visual", 0.24, 0.5, 0.3, 0.7, 12)]
    assert plot.diagonal
    assert (plot.x.low, plot.x.high, plot.y.low, plot.y.high) == (0, 1, 0, 1)


def test_predictions_are_read_from_their_file_without_clips_that_have_no_report_card(tmp_path: Path) -> None:
    lines = ["clip_id,visual_mos,visual_score,dynamic_mos,dynamic_score"]
    lines += ["b,4.5,3.25,2,", "a,1.5,2.5,2,", "c,3.0,,2,"]
    (tmp_path / name_predictions_file("test")).write_text("\n".join(lines))
    _srcc, plot = plot_evaluation(make_evaluation(), tmp_path)["test"]
    assert plot.id == "plot-predicted-test-visual"
    assert plot.rows == (("visual", "a", 2.5, 1.5), ("visual", "b", 3.25, 4.5))
    assert "2 clips" in plot.summary
    assert (plot.x.low, plot.x.high, plot.y.low, plot.y.high) == (1, 5, 1, 5)


def test_an_evaluation_without_figures_has_no_plots() -> None:
    assert plot_evaluation(Evaluation.from_json({"splits": {"test": {"clips": 0}}}), None) == {"test": []}
    assert plot_evaluation(Evaluation.from_json({}), None) == {}


def test_curves_need_two_steps_and_only_some_figures_have_one() -> None:
    points = [(1, 2.0), (2, 1.5), (3, 0.5)]
    (plot,) = plot_curves("sft", {"loss": points, "reward": points[:1], "seconds": points})
    assert (plot.id, plot.title, plot.rows) == ("plot-sft-loss", "Loss", tuple(points))
    assert plot.summary == "Loss by step, from 2 at step 1 to 0.5 at step 3."
