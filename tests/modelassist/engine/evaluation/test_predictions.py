"""An evaluation against scipy and scikit-learn, and what it says where there is nothing to say."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn import metrics
from sklearn.calibration import calibration_curve

from modelassist.engine.evaluation import intervals
from modelassist.engine.evaluation.calibration import calibration
from modelassist.engine.evaluation.intervals import LEAST_GROUPS, Pairs, generator_level, is_above_zero
from modelassist.engine.evaluation.predictions import Prediction, evaluate, write_predictions
from modelassist.engine.evaluation.reasons import defects, judge_why
from modelassist.engine.evaluation.warnings import warnings_of
from modelassist.engine.generation.read_scores import read_scores
from modelassist.engine.generation.sampler import Sample
from modelassist.engine.models.loader import Loaded
from qsave.axes import AXES, Axis
from qsave.report_card import AxisReport, Evidence, TimeRange
from tests.modelassist.engine.predictions import UNREAD, example, scored, scores, simulated, target, told, world

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
    assert gain["srcc"] == {"value": 0, "interval": "it is the same in every resample"}


def test_ten_prompts_are_what_a_percentile_interval_needs() -> None:
    def coverage(groups: int) -> float:
        """Of the mean of normal values, by Student's t: the percentile interval is the mean -+ 1.96 SD / sqrt(n), with
        n in the SD's place of n - 1."""
        reach = stats.norm.ppf(0.975) * math.sqrt((groups - 1) / groups)
        return float(2 * stats.t.cdf(reach, groups - 1) - 1)

    assert coverage(LEAST_GROUPS - 1) < 0.9 < coverage(LEAST_GROUPS)


def read_intervals(value: Any) -> list[str]:
    """Every interval there is below, and every reason why there is none."""
    if not isinstance(value, dict):
        return []
    mine = [value["interval"]] if "interval" in value else ["given"] if "low" in value else []
    return [*mine, *(one for inner in value.values() for one in read_intervals(inner))]


def test_over_few_prompts_there_is_a_value_and_no_interval_and_nothing_is_above() -> None:
    few, enough = (measured(world(3 * prompts, noise=0.1))["axes"]["visual"] for prompts in (9, 10))
    assert few["critic"]["rmse"]["value"] < 0.2
    assert set(read_intervals(few)) == {"too few prompts (9) for an interval"}
    assert "given" in read_intervals(enough)
    assert [is_above_zero(one["blank_frames"]["gain"]["srcc"]) for one in (few, enough)] == [False, True]
    assert [is_above_zero(one["constant"]["gain"]["rmse"]) for one in (few, enough)] == [False, True]


def test_a_share_rests_on_the_prompts_that_have_what_it_counts() -> None:
    blur = Evidence("blur")
    often = [(AxisReport(3), target(3), f"prompt-{number}") for number in range(50)]
    seldom = [(AxisReport(3, (blur,) if number % 2 else ()), target(3, [blur]), f"own-{number}") for number in range(9)]
    assert defects([*often, *seldom], seed=0)["recall"]["interval"] == "too few prompts (9) for an interval"
    one_more = (AxisReport(3), target(3, [blur]), "own-9")
    assert "low" in defects([*often, *seldom, one_more], seed=0)["recall"]


def test_generators_of_a_clip_each_have_no_interval() -> None:
    found = generator_level(Pairs([1, 2, 3], [1, 3, 2], ["a", "b", "c"]), ["x", "y", "z"], seed=0)
    assert found["srcc"] == {
        "value": pytest.approx(0.5),
        "interval": "too few prompts of a generator (1) for an interval",
    }


def test_a_resample_without_one_of_the_generators_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "LEAST_GROUPS", 1)
    found = generator_level(Pairs([1, 2, 3, 4], [1, 2, 4, 3], list("abcd")), list("wxyz"), seed=0)
    assert found["srcc"]["value"] == pytest.approx(0.8)
    assert "undefined in most resamples" in found["srcc"]["interval"]  # all four are in 4!/4^4 of them


def test_the_constant_is_judged_on_the_clips_of_the_critic_and_all_are_counted() -> None:
    shown = world()
    shown = [each if number < 33 else Prediction(each.example, UNREAD) for number, each in enumerate(shown)]
    found = measured(shown)
    axis = found["axes"]["visual"]
    mos = [each.example.targets[Axis.VISUAL].mos for each in shown]
    assert (found["clips"], found["prompt_groups"], found["read"]) == (60, 20, {"clips": 33, "prompts": 11})
    for one in (axis["critic"], axis["constant"], axis["blank_frames"]["gain"]):
        assert (one["clips"], one["prompts"]) == (33, 11)
    assert axis["constant"]["rmse"]["value"] == pytest.approx(metrics.root_mean_squared_error(mos[:33], [3.0] * 33))
    assert (axis["blank_frames"]["clips"], axis["blank_frames"]["prompts"]) == (60, 20)
    nothing = measured(told(shown, lambda _: UNREAD))["axes"]["visual"]["constant"]
    assert nothing["rmse"]["value"] == pytest.approx(metrics.root_mean_squared_error(mos, [3.0] * 60))
    assert nothing["clips"] == 60


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
    assert found == {"undefined": "a correlation needs 3 generators or more, not 2"}


def test_nothing_parsed_is_said_and_never_a_number() -> None:
    shown = told(world(), lambda _: UNREAD)
    found = measured(shown, blank_frames=shown)
    assert found["unparsable_rate"] == 1
    assert found["axes"]["visual"]["critic"]["srcc"]["undefined"]
    assert found["axes"]["visual"]["defects"]["f1"]["undefined"]
    assert found["generators"]["visual"]["srcc"]["undefined"]
    assert all(math.isfinite(number) for number in numbers(found))


def test_clips_and_people_are_told_of_where_nothing_parsed() -> None:
    marked = [Evidence("blur", TimeRange(0, 1)), Evidence("noise")]
    shown = [Prediction(example(number, 2 + number % 3, marked), UNREAD) for number in range(12)]
    found = measured(shown, blank_frames=shown)
    means = found["generators"]["visual"]["means"]
    assert means["maker-1"] == {"clips": 0, "prompts": 0, "of": 2, "score": None, "mos": 3}
    assert len(means) == 6
    axis = found["axes"]["visual"]
    assert (axis["defects"]["said"], axis["defects"]["meant"]) == (None, 24)
    assert axis["defects"]["labels"]["blur"]["meant"] == 12
    assert axis["defects"]["recall"] == {"undefined": "there is no report card"}
    assert axis["evidence_iou"] == {"clips": 12, "prompts": 4, "undefined": "there is no report card"}


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
        "val: simulated", "too few prompts for intervals (18 clips of 7 prompts with a report card)",
        "no report card for 10%", "3 generators",
    ):  # fmt: skip
        assert words in found
    assert "not shown" not in found  # that nothing is has been said once
    some = world(36, noise=3, generators=3)
    found = "\n".join(warnings_of({"splits": {"val": measured(some, previous=some, blank_frames=some)}}))
    for words in (
        "few clips (36 clips of 12 prompts with a report card)", "visual: wide interval", "blank frames",
        "constant predictor", "that of the previous critic (it is the same in every resample)",
    ):  # fmt: skip
        assert words in found


def test_figures_on_train_clips_are_warned_of_first() -> None:
    shown = measured(simulated(world()))
    assert warnings_of({"splits": {"train": shown}})[0] == (
        "train: these are clips of the train split: figures on them say nothing about new ones."
    )


@pytest.mark.parametrize("rival", ["previous", "blank_frames"])
def test_with_a_critic_that_gave_no_card_nothing_is_compared(rival: str) -> None:
    shown = world(150, noise=0.3)
    silent = told(shown, lambda _: UNREAD)
    others = {"blank_frames": told(shown, lambda number: scored(3.0 + (number % 7) / 10)), rival: silent}
    [only] = warnings_of({"splits": {"test": measured(shown, **others)}})
    assert only.endswith("gave no report card, so no comparison with it is possible.")
    assert ("previous critic" in only) is (rival == "previous")


def test_clips_that_were_left_out_are_warned_of() -> None:
    evaluation = {"splits": {"test": measured(world(150, noise=0.3))}, "about": {"release_clips": {"test": 152}}}
    assert warnings_of(evaluation) == ["test: 2 of the 152 clips of this split cannot be read and were left out."]
    gone = evaluation | {"about": {"release_clips": {"train": 9, "test": 150, "val": 5}}}
    assert warnings_of(gone) == []  # only the one split was asked for
    assert warnings_of(gone | {"stages": ["sft"]}) == [
        "val: none of the 5 clips of this split can be read, so it was not measured."
    ]


def test_many_outputs_that_were_cut_off_are_warned_of(critic: Loaded) -> None:
    cut = read_scores(critic, [Sample((5, 6), False, torch.zeros(2, 5))])
    shown = world(150, noise=0.3)
    shown[:15] = told(shown[:15], lambda _: cut)
    found = measured(shown)
    assert found["unparsable"]["cut_off"] == 15
    [_, warning] = warnings_of({"splits": {"test": found}})
    assert "15 of 150 outputs were cut off at the length limit: raise max_new_tokens" in warning


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
