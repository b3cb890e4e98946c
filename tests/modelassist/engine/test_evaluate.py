"""An evaluation against scipy and scikit-learn, and what it says where there is nothing to say."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics
from sklearn.calibration import calibration_curve

from modelassist.engine.calibration import calibration
from modelassist.engine.evaluate import Prediction, evaluate, write_predictions
from modelassist.engine.evaluation_warnings import warnings_of
from modelassist.engine.why import defects, judge_why
from qsave.axes import AXES, Axis
from qsave.report_card import AxisReport, Evidence, TimeRange
from tests.modelassist.engine.predictions import UNREAD, scored, scores, simulated, target, told, world

NOBODY = {axis: {"missing": "nobody was asked"} for axis in AXES}
MEANS = dict.fromkeys(AXES, 3.0)


def measured(shown: Sequence[Prediction], **rivals: Sequence[Prediction]) -> dict[str, Any]:
    blank = rivals.pop("blank_frames", told(shown, lambda number: scored(3.0 + (number % 7) / 10)))
    return evaluate(shown, {"blank_frames": blank, **rivals}, MEANS, NOBODY, seed=0)


def test_figures_are_those_of_scipy_and_sklearn_on_the_clips_that_parse() -> None:
    shown = world()
    shown[4] = Prediction(shown[4].example, UNREAD)
    found = measured(shown)
    mos = [each.example.targets[Axis.VISUAL].mos for each in shown if each.scored.card]
    said = scores(shown)
    critic = found["axes"]["visual"]["critic"]
    assert critic["clips"] == 59
    assert critic["srcc"]["value"] == pytest.approx(stats.spearmanr(said, mos).statistic)
    assert critic["plcc"]["value"] == pytest.approx(stats.pearsonr(said, mos).statistic)
    assert critic["krcc"]["value"] == pytest.approx(stats.kendalltau(said, mos).statistic)
    assert critic["rmse"]["value"] == pytest.approx(metrics.root_mean_squared_error(mos, said))
    assert critic["within_1"]["value"] == np.mean(np.abs(np.subtract(said, mos)) <= 1)
    for name in ("srcc", "plcc", "plcc_logistic", "krcc", "rmse", "within_1"):
        assert critic[name]["low"] <= critic[name]["value"] <= critic[name]["high"]
    assert found["unparsable_rate"] == 1 / 60
    assert found["unparsable"]["because"] == [{"error": UNREAD.error, "clips": 1}]


def test_a_constant_has_an_error_and_no_correlation() -> None:
    shown = world()
    constant = measured(shown)["axes"]["dynamic"]["constant"]
    mos = [each.example.targets[Axis.DYNAMIC].mos for each in shown]
    assert constant["rmse"]["value"] == pytest.approx(metrics.root_mean_squared_error(mos, [3.0] * len(mos)))
    assert constant["srcc"] == {"undefined": "all predictions are equal"}
    assert constant["gain"]["rmse"]["low"] > 0  # the made-up critic follows MOS


def test_who_stands_beside_is_compared_clip_by_clip() -> None:
    shown = world(noise=0.4)
    previous = world(noise=1.5, seed=1)
    previous = told(shown, lambda number: previous[number].scored)
    shown[0] = Prediction(shown[0].example, UNREAD)
    previous[1] = Prediction(previous[1].example, UNREAD)
    gain = measured(shown, previous=previous)["axes"]["visual"]["previous"]["gain"]
    both = [(one, other) for one, other in zip(shown, previous, strict=True) if one.scored.card and other.scored.card]
    mos = [one.example.targets[Axis.VISUAL].mos for one, _ in both]
    ours, theirs = (scores(side) for side in zip(*both, strict=True))
    assert gain["clips"] == 58
    expected = stats.spearmanr(ours, mos).statistic - stats.spearmanr(theirs, mos).statistic
    assert gain["srcc"]["value"] == pytest.approx(expected)
    assert gain["srcc"]["low"] > 0


def test_the_critic_against_itself_gains_nothing() -> None:
    shown = world()
    gain = measured(shown, previous=shown)["axes"]["visual"]["previous"]["gain"]
    assert (gain["srcc"]["value"], gain["srcc"]["low"], gain["srcc"]["high"]) == (0, 0, 0)


def test_generators_are_compared_by_their_means() -> None:
    shown = world()
    found = measured(shown)["generators"]["alignment"]
    names = sorted({each.example.generator for each in shown})
    by_name = {name: [each for each in shown if each.example.generator == name] for name in names}
    said = [np.mean(scores(by_name[name])) for name in names]
    mos = [np.mean([each.example.targets[Axis.ALIGNMENT].mos for each in by_name[name]]) for name in names]
    assert [found["means"][name]["score"] for name in names] == pytest.approx(said)
    assert [found["means"][name]["clips"] for name in names] == [10] * 6
    assert found["srcc"]["value"] == pytest.approx(stats.spearmanr(said, mos).statistic)
    assert found["plcc"]["value"] == pytest.approx(stats.pearsonr(said, mos).statistic)
    assert found["plcc"]["low"] <= found["plcc"]["value"] <= found["plcc"]["high"]


def test_two_generators_have_no_correlation() -> None:
    found = measured(world(generators=2))["generators"]["visual"]["srcc"]
    assert found == {"undefined": "a correlation needs 3 generators or more, there are 2"}


def test_nothing_parsed_is_said_and_never_a_number() -> None:
    shown = told(world(), lambda _: UNREAD)
    found = measured(shown, blank_frames=shown)
    assert found["unparsable_rate"] == 1
    assert found["axes"]["visual"]["critic"]["srcc"]["undefined"]
    assert found["axes"]["visual"]["defects"]["f1"]["undefined"]
    assert found["generators"]["visual"]["srcc"]["undefined"]
    assert all(math.isfinite(number) for number in numbers(found))


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for one in value.values() for number in numbers(one)]
    if isinstance(value, list):
        return [number for one in value for number in numbers(one)]
    return [value] if isinstance(value, float) else []


LABELS = ("blur", "noise", "banding")


def judged(seed: int = 0) -> list[tuple[AxisReport, Any, str]]:
    rng = np.random.default_rng(seed)

    def some() -> list[Evidence]:
        return [Evidence(label) for label, there in zip(LABELS, rng.random(3) < 0.4, strict=True) if there]

    return [(AxisReport(3, tuple(some())), target(3, some()), f"prompt-{number // 2}") for number in range(50)]


def test_defects_are_judged_as_sklearn_judges_them() -> None:
    said = judged()
    truth, guess = (
        np.array([[label in one.defects for label in LABELS] for one in side])
        for side in ([meant for _, meant, _ in said], [report for report, _, _ in said])
    )
    found = defects(said, seed=0)
    micro = metrics.precision_recall_fscore_support(truth, guess, average="micro")
    assert [found[name]["value"] for name in ("precision", "recall", "f1")] == pytest.approx(micro[:3])
    by_label = metrics.precision_recall_fscore_support(truth, guess, average=None)
    for place, label in enumerate(LABELS):
        mine = found["labels"][label]
        assert [mine[name]["value"] for name in ("precision", "recall", "f1")] == pytest.approx(
            [column[place] for column in by_label[:3]]
        )
        assert mine["meant"] == by_label[3][place]
        assert mine["f1"]["low"] <= mine["f1"]["value"] <= mine["f1"]["high"]


def test_a_label_that_nobody_meant_has_precision_and_no_recall() -> None:
    found = defects([(AxisReport(2, (Evidence("blur"),)), target(2), "a")], seed=0)["labels"]["blur"]
    assert found["precision"]["value"] == 0
    assert found["recall"] == {"undefined": "people named none"}


def test_evidence_and_contradictions() -> None:
    blur = Evidence("blur", TimeRange(0, 2))
    found = judge_why(
        [
            (AxisReport(2, (Evidence("blur", TimeRange(1, 3)),)), target(2, [blur]), "a"),  # a third of it
            (AxisReport(5, (Evidence("noise", TimeRange(0, 2)),)), target(2, [blur]), "b"),  # another defect; excellent
            (AxisReport(1), target(2), "c"),  # bad, and no reason
            (AxisReport(3), target(3), "d"),
        ],
        seed=0,
    )
    assert found["evidence_iou"]["value"] == pytest.approx((1 / 3 + 0) / 2)
    assert found["evidence_iou"]["clips"] == 2
    assert found["contradictions"]["value"] == 2 / 4


def test_calibration_bins_are_those_of_sklearn() -> None:
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(5), size=80)
    levels = [1 + int(rng.choice(5, p=share)) for share in shares]
    found = calibration(shares.tolist(), levels)
    outcomes = (np.arange(1, 6) == np.array(levels)[:, None]).ravel()
    observed, expected = calibration_curve(outcomes, shares.ravel(), n_bins=10)
    assert [one["expected"] for one in found["bins"]] == pytest.approx(expected)
    assert [one["observed"] for one in found["bins"]] == pytest.approx(observed)
    assert sum(one["count"] for one in found["bins"]) == 400
    assert found["error"] < 0.06


def test_sure_and_wrong_is_badly_calibrated() -> None:
    found = calibration([[1.0, 0, 0, 0, 0]] * 10, [5] * 10)
    assert found["error"] == pytest.approx(0.4)  # two of five shares are off by one
    assert [(one["expected"], one["observed"]) for one in found["bins"]] == [(0, 0.25), (1, 0)]


def test_warnings_are_of_what_is_there() -> None:
    good = measured(world(300, noise=0.3))
    assert warnings_of({"splits": {"test": good}}) == []
    few = world(20, noise=3, generators=3)
    few[0] = few[1] = Prediction(few[0].example, UNREAD)
    found = "\n".join(warnings_of({"splits": {"val": measured(simulated(few), previous=few, blank_frames=few)}}))
    for words in (
        "val: simulated", "few clips (20)", "no report card for 10%", "3 generators", "visual: wide interval",
        "blank frames", "constant predictor", "previous critic",
    ):  # fmt: skip
        assert words in found


def test_every_clip_is_in_the_csv_and_a_formula_is_none(tmp_path: Path) -> None:
    shown = world(6)
    shown[2] = Prediction(shown[2].example, UNREAD)
    write_predictions(tmp_path / "predictions.csv", shown)
    with (tmp_path / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["clip_id"] for row in rows] == [each.example.clip_id for each in shown]
    assert rows[2]["error"] == UNREAD.error
    assert rows[2]["visual_score"] == ""
    assert float(rows[3]["visual_score"]) == pytest.approx(scores(shown)[2], abs=1e-6)
    assert sum(float(rows[3][f"visual_p_{word}"]) for word in ("bad", "poor", "fair", "good", "excellent")) == (
        pytest.approx(1, abs=1e-5)
    )
