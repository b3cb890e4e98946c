"""Compare an evaluation with scipy and scikit-learn, and check its reasons for undefined figures."""

import csv
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn import metrics
from sklearn.calibration import calibration_curve

from modelassist.engine.evaluation import intervals
from modelassist.engine.evaluation.calibration import measure_calibration
from modelassist.engine.evaluation.intervals import LEAST_GROUPS, Pairs, compare_generators, is_above_zero
from modelassist.engine.evaluation.predictions import Prediction, write_predictions
from modelassist.engine.evaluation.reasons import AxisPair, measure_reasons
from modelassist.engine.evaluation.split import measure_split
from modelassist.engine.evaluation.warnings import list_warnings
from modelassist.engine.generation.read_scores import read_scores
from modelassist.engine.generation.sampler import Sample
from modelassist.engine.models.loader import LoadedModel
from qsave.axes import AXES, Axis
from qsave.report_card import AxisReport, Evidence, TimeRange
from qsave.run.evaluation import About, Evaluation, Split
from qsave.run.figures import BLANK_FRAMES, PREVIOUS, Counts, DefectFigures, GeneratorMeans, ParseError
from qsave.statistics.figures import Estimate, Interval, Undefined
from tests.modelassist.engine.predictions import (
    UNREAD,
    make_example,
    make_predictions,
    make_scored,
    make_target,
    mark_simulated,
    predict_again,
    read_scores_of,
)

NOBODY = dict.fromkeys(AXES, Undefined("nobody was asked"))
MEANS = dict.fromkeys(AXES, 3.0)


def measure(predictions: Sequence[Prediction], **rivals: Sequence[Prediction]) -> Split:
    blank = rivals.pop("blank_frames", predict_again(predictions, lambda number: make_scored(3.0 + (number % 7) / 10)))
    return measure_split(predictions, {"blank_frames": blank, **rivals}, MEANS, NOBODY, seed=0)


def contains_its_value(figure: Estimate) -> bool:
    if isinstance(figure.value, Undefined) or isinstance(figure.interval, Undefined):
        return False
    return figure.interval.low <= figure.value <= figure.interval.high


def list_shares(defects: DefectFigures) -> list[object]:
    return [defects.precision.value, defects.recall.value, defects.f1.value]


def test_figures_are_those_of_scipy_and_sklearn_on_the_clips_that_parse() -> None:
    predictions = make_predictions()
    predictions[4] = Prediction(predictions[4].example, UNREAD)
    figures = measure(predictions)
    mos = [each.example.targets[Axis.VISUAL].mos for each in predictions if each.scored.card]
    predicted = read_scores_of(predictions)
    critic = figures.axes[Axis.VISUAL].critic
    assert critic.counts.clips == 59
    assert critic.srcc.value == pytest.approx(stats.spearmanr(predicted, mos).statistic)
    assert critic.plcc.value == pytest.approx(stats.pearsonr(predicted, mos).statistic)
    assert critic.krcc.value == pytest.approx(stats.kendalltau(predicted, mos).statistic)
    assert critic.rmse.value == pytest.approx(metrics.root_mean_squared_error(mos, predicted))
    assert critic.within_one.value == np.mean(np.abs(np.subtract(predicted, mos)) <= 1)
    for figure in (critic.srcc, critic.plcc, critic.plcc_logistic, critic.krcc, critic.rmse, critic.within_one):
        assert contains_its_value(figure)
    assert figures.unparsable_rate == 1 / 60
    assert figures.unparsable.errors == (ParseError(str(UNREAD.error), 1),)


def test_a_constant_has_an_error_and_no_correlation() -> None:
    predictions = make_predictions()
    constant = measure(predictions).axes[Axis.DYNAMIC].constant
    mos = [each.example.targets[Axis.DYNAMIC].mos for each in predictions]
    assert constant.agreement.rmse.value == pytest.approx(metrics.root_mean_squared_error(mos, [3.0] * len(mos)))
    assert constant.agreement.srcc.value == Undefined("all predictions are equal")
    assert is_above_zero(constant.gain.rmse)  # the made-up critic follows MOS


def test_a_rival_is_compared_clip_by_clip() -> None:
    predictions = make_predictions(noise=0.4)
    previous = make_predictions(noise=1.5, seed=1)
    previous = predict_again(predictions, lambda number: previous[number].scored)
    predictions[0] = Prediction(predictions[0].example, UNREAD)
    previous[1] = Prediction(previous[1].example, UNREAD)
    gain = measure(predictions, previous=previous).axes[Axis.VISUAL].rivals[PREVIOUS].gain
    both = [
        (one, other) for one, other in zip(predictions, previous, strict=True) if one.scored.card and other.scored.card
    ]
    mos = [one.example.targets[Axis.VISUAL].mos for one, _ in both]
    ours, theirs = (read_scores_of(side) for side in zip(*both, strict=True))
    assert gain.counts.clips == 58
    expected = stats.spearmanr(ours, mos).statistic - stats.spearmanr(theirs, mos).statistic
    assert gain.srcc.value == pytest.approx(expected)
    assert is_above_zero(gain.srcc)


def test_the_critic_against_itself_gains_nothing() -> None:
    predictions = make_predictions()
    gain = measure(predictions, previous=predictions).axes[Axis.VISUAL].rivals[PREVIOUS].gain
    assert gain.srcc == Estimate(0, Undefined("it is the same in every resample"))


def test_ten_prompts_are_what_a_percentile_interval_needs() -> None:
    def coverage(groups: int) -> float:
        """Compute the coverage for the mean of normal values, by Student's t: the percentile interval is the mean -+
        1.96 SD / sqrt(n), with an SD that divides by n and not by n - 1."""
        reach = stats.norm.ppf(0.975) * math.sqrt((groups - 1) / groups)
        return float(2 * stats.t.cdf(reach, groups - 1) - 1)

    assert coverage(LEAST_GROUPS - 1) < 0.9 < coverage(LEAST_GROUPS)


def read_intervals(value: Any) -> list[str]:
    """List "given" for each interval in a JSON value, and the reason for each missing one."""
    if not isinstance(value, dict):
        return []
    mine = [value["interval"]] if "interval" in value else ["given"] if "low" in value else []
    return [*mine, *(one for inner in value.values() for one in read_intervals(inner))]


def test_over_few_prompts_there_is_a_value_and_no_interval_and_nothing_is_above() -> None:
    few, enough = (measure(make_predictions(3 * prompts, noise=0.1)).axes[Axis.VISUAL] for prompts in (9, 10))
    assert few.critic.rmse.value < 0.2  # type: ignore[operator]  # a number
    assert set(read_intervals(few.to_json())) == {"too few prompts (9) for an interval"}
    assert "given" in read_intervals(enough.to_json())
    assert [is_above_zero(one.rivals[BLANK_FRAMES].gain.srcc) for one in (few, enough)] == [False, True]
    assert [is_above_zero(one.constant.gain.rmse) for one in (few, enough)] == [False, True]


def test_a_share_rests_on_the_prompts_that_have_what_it_counts() -> None:
    blur = Evidence("blur")
    often = [AxisPair(AxisReport(3), make_target(3), f"prompt-{number}") for number in range(50)]
    seldom = [
        AxisPair(AxisReport(3, (blur,) if number % 2 else ()), make_target(3, [blur]), f"own-{number}")
        for number in range(9)
    ]
    few = measure_reasons([*often, *seldom], seed=0).defects
    assert few.recall.interval == Undefined("too few prompts (9) for an interval")
    one_more = AxisPair(AxisReport(3), make_target(3, [blur]), "own-9")
    assert isinstance(measure_reasons([*often, *seldom, one_more], seed=0).defects.recall.interval, Interval)


def test_generators_of_a_clip_each_have_no_interval() -> None:
    figures = compare_generators(Pairs([1, 2, 3], [1, 3, 2], ["a", "b", "c"]), ["x", "y", "z"], seed=0)
    assert figures.srcc.value == pytest.approx(0.5)
    assert figures.srcc.interval == Undefined("too few prompts of a generator (1) for an interval")


def test_a_resample_without_one_of_the_generators_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "LEAST_GROUPS", 1)
    figures = compare_generators(Pairs([1, 2, 3, 4], [1, 2, 4, 3], list("abcd")), list("wxyz"), seed=0)
    assert figures.srcc.value == pytest.approx(0.8)
    assert "undefined in most resamples" in str(figures.srcc.interval)  # all four are in 4!/4^4 of them


def test_the_constant_is_judged_on_the_clips_of_the_critic_and_all_are_counted() -> None:
    predictions = make_predictions()
    predictions = [each if number < 33 else Prediction(each.example, UNREAD) for number, each in enumerate(predictions)]
    figures = measure(predictions)
    axis = figures.axes[Axis.VISUAL]
    mos = [each.example.targets[Axis.VISUAL].mos for each in predictions]
    assert (figures.counts, figures.read) == (Counts(60, 20), Counts(33, 11))
    for one in (axis.critic, axis.constant.agreement, axis.rivals[BLANK_FRAMES].gain):
        assert one.counts == Counts(33, 11)
    assert axis.constant.agreement.rmse.value == pytest.approx(metrics.root_mean_squared_error(mos[:33], [3.0] * 33))
    assert axis.rivals[BLANK_FRAMES].agreement.counts == Counts(60, 20)
    nothing = measure(predict_again(predictions, lambda _: UNREAD)).axes[Axis.VISUAL].constant.agreement
    assert nothing.rmse.value == pytest.approx(metrics.root_mean_squared_error(mos, [3.0] * 60))
    assert nothing.counts.clips == 60


def test_generators_are_compared_by_their_means() -> None:
    predictions = make_predictions()
    figures = measure(predictions).generators[Axis.ALIGNMENT]
    names = sorted({each.example.generator for each in predictions})
    by_name = {name: [each for each in predictions if each.example.generator == name] for name in names}
    predicted = [np.mean(read_scores_of(by_name[name])) for name in names]
    mos = [np.mean([each.example.targets[Axis.ALIGNMENT].mos for each in by_name[name]]) for name in names]
    assert [figures.means[name].score for name in names] == pytest.approx(predicted)
    assert [figures.means[name].counts.clips for name in names] == [10] * 6
    assert figures.srcc.value == pytest.approx(stats.spearmanr(predicted, mos).statistic)
    assert figures.plcc.value == pytest.approx(stats.pearsonr(predicted, mos).statistic)
    assert contains_its_value(figures.plcc)


def test_two_generators_have_no_correlation() -> None:
    figures = measure(make_predictions(generators=2)).generators[Axis.VISUAL].srcc
    assert figures == Estimate.undefined("a correlation needs 3 generators or more, not 2")


def test_figures_are_undefined_if_nothing_parses() -> None:
    predictions = predict_again(make_predictions(), lambda _: UNREAD)
    figures = measure(predictions, blank_frames=predictions)
    assert figures.unparsable_rate == 1
    assert isinstance(figures.axes[Axis.VISUAL].critic.srcc.value, Undefined)
    assert isinstance(figures.axes[Axis.VISUAL].reasons.defects.f1.value, Undefined)
    assert isinstance(figures.generators[Axis.VISUAL].srcc.value, Undefined)
    assert all(math.isfinite(number) for number in list_numbers(figures.to_json()))


def test_clips_and_raters_are_counted_if_nothing_parses() -> None:
    marked = [Evidence("blur", TimeRange(0, 1)), Evidence("noise")]
    predictions = [Prediction(make_example(number, 2 + number % 3, marked), UNREAD) for number in range(12)]
    figures = measure(predictions, blank_frames=predictions)
    means = figures.generators[Axis.VISUAL].means
    assert means["maker-1"] == GeneratorMeans(Counts(0, 0), score=None, mos=3, clips=2)
    assert len(means) == 6
    reasons = figures.axes[Axis.VISUAL].reasons
    assert (reasons.defects.listed, reasons.defects.by_raters) == (None, 24)
    assert reasons.labels["blur"].by_raters == 12
    assert reasons.defects.recall == Estimate.undefined("there is no report card")
    assert reasons.evidence_counts == Counts(12, 4)
    assert reasons.evidence_iou == Estimate.undefined("there is no report card")


def list_numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for one in value.values() for number in list_numbers(one)]
    if isinstance(value, list):
        return [number for one in value for number in list_numbers(one)]
    return [value] if isinstance(value, float) else []


LABELS = ("blur", "noise", "banding")


def random_pairs(seed: int = 0) -> list[AxisPair]:
    rng = np.random.default_rng(seed)

    def some() -> list[Evidence]:
        return [Evidence(label) for label, there in zip(LABELS, rng.random(3) < 0.4, strict=True) if there]

    return [
        AxisPair(AxisReport(3, tuple(some())), make_target(3, some()), f"prompt-{number // 2}") for number in range(50)
    ]


def test_defects_are_judged_as_sklearn_judges_them() -> None:
    pairs = random_pairs()
    truth, guess = (
        np.array([[label in one.defects for label in LABELS] for one in side])
        for side in ([pair.target for pair in pairs], [pair.report for pair in pairs])
    )
    figures = measure_reasons(pairs, seed=0)
    micro = metrics.precision_recall_fscore_support(truth, guess, average="micro")
    assert list_shares(figures.defects) == pytest.approx(micro[:3])
    by_label = metrics.precision_recall_fscore_support(truth, guess, average=None)
    for place, label in enumerate(LABELS):
        mine = figures.labels[label]
        assert list_shares(mine) == pytest.approx([column[place] for column in by_label[:3]])
        assert mine.by_raters == by_label[3][place]
        assert contains_its_value(mine.f1)


def test_a_label_that_nobody_meant_has_precision_and_no_recall() -> None:
    figures = measure_reasons([AxisPair(AxisReport(2, (Evidence("blur"),)), make_target(2), "a")], seed=0).labels[
        "blur"
    ]
    assert figures.precision.value == 0
    assert figures.recall == Estimate.undefined("no rater listed a defect")


def test_evidence_and_contradictions() -> None:
    blur = Evidence("blur", TimeRange(0, 2))
    figures = measure_reasons(
        [
            AxisPair(AxisReport(2, (Evidence("blur", TimeRange(1, 3)),)), make_target(2, [blur]), "a"),  # a third of it
            # another defect; excellent
            AxisPair(AxisReport(5, (Evidence("noise", TimeRange(0, 2)),)), make_target(2, [blur]), "b"),
            AxisPair(AxisReport(1), make_target(2), "c"),  # bad, and no reason
            AxisPair(AxisReport(3), make_target(3), "d"),
        ],
        seed=0,
    )
    assert figures.evidence_iou.value == pytest.approx((1 / 3 + 0) / 2)
    assert figures.evidence_counts.clips == 2
    assert figures.contradictions.value == 2 / 4


def test_calibration_bins_are_those_of_sklearn() -> None:
    rng = np.random.default_rng(0)
    list_shares = rng.dirichlet(np.ones(5), size=80)
    levels = [1 + int(rng.choice(5, p=share)) for share in list_shares]
    figures = measure_calibration(list_shares.tolist(), levels)
    outcomes = (np.arange(1, 6) == np.array(levels)[:, None]).ravel()
    observed, expected = calibration_curve(outcomes, list_shares.ravel(), n_bins=10)
    assert [one.expected for one in figures.bins] == pytest.approx(expected)
    assert [one.observed for one in figures.bins] == pytest.approx(observed)
    assert sum(one.count for one in figures.bins) == 400
    assert figures.error is not None
    assert figures.error < 0.06


def test_sure_and_wrong_is_badly_calibrated() -> None:
    figures = measure_calibration([[1.0, 0, 0, 0, 0]] * 10, [5] * 10)
    assert figures.error == pytest.approx(0.4)  # two of five shares are off by one
    assert [(one.expected, one.observed) for one in figures.bins] == [(0, 0.25), (1, 0)]


def test_warnings_are_of_what_is_there() -> None:
    good = measure(make_predictions(300, noise=0.3))
    assert list_warnings(Evaluation({"test": good})) == []
    few = make_predictions(20, noise=3, generators=3)
    few[0] = few[1] = Prediction(few[0].example, UNREAD)
    split = measure(mark_simulated(few), previous=few, blank_frames=few)
    warnings = "\n".join(list_warnings(Evaluation({"val": split})))
    for words in (
        "val: simulated", "too few prompts for intervals (18 clips of 7 prompts with a report card)",
        "no report card for 10%", "3 generators",
    ):  # fmt: skip
        assert words in warnings
    assert "not shown" not in warnings  # the warning of few prompts has said so
    some = make_predictions(36, noise=3, generators=3)
    warnings = "\n".join(list_warnings(Evaluation({"val": measure(some, previous=some, blank_frames=some)})))
    for words in (
        "few clips (36 clips of 12 prompts with a report card)", "visual: wide interval", "blank frames",
        "constant predictor", "that of the previous critic (it is the same in every resample)",
    ):  # fmt: skip
        assert words in warnings


def test_figures_on_train_clips_are_warned_of_first() -> None:
    predictions = measure(mark_simulated(make_predictions()))
    assert list_warnings(Evaluation({"train": predictions}))[0] == (
        "train: these are clips of the train split: figures on them say nothing about new ones."
    )


@pytest.mark.parametrize("rival", ["previous", "blank_frames"])
def test_with_a_critic_that_gave_no_card_nothing_is_compared(rival: str) -> None:
    predictions = make_predictions(150, noise=0.3)
    silent = predict_again(predictions, lambda _: UNREAD)
    others = {
        "blank_frames": predict_again(predictions, lambda number: make_scored(3.0 + (number % 7) / 10)),
        rival: silent,
    }
    [only] = list_warnings(Evaluation({"test": measure(predictions, **others)}))
    assert only.endswith("gave no report card, so no comparison with it is possible.")
    assert ("previous critic" in only) is (rival == "previous")


def test_clips_that_were_left_out_are_warned_of() -> None:
    about = About("critic", "release", None, seed=0, resamples=20, confidence=0.95, samples=1)
    evaluation = Evaluation(
        {"test": measure(make_predictions(150, noise=0.3))}, replace(about, release_clips={"test": 152})
    )
    assert list_warnings(evaluation) == ["test: 2 of the 152 clips of this split cannot be read and were left out."]
    gone = replace(evaluation, about=replace(about, release_clips={"train": 9, "test": 150, "val": 5}))
    assert list_warnings(gone) == []  # only the one split was asked for
    assert list_warnings(replace(gone, stages=("sft",))) == [
        "val: none of the 5 clips of this split can be read, so it was not measured."
    ]


def test_many_outputs_that_were_cut_off_are_warned_of(critic: LoadedModel) -> None:
    cut = read_scores(critic, [Sample((5, 6), False, torch.zeros(2, 5))])
    predictions = make_predictions(150, noise=0.3)
    predictions[:15] = predict_again(predictions[:15], lambda _: cut)
    figures = measure(predictions)
    assert figures.unparsable.cut_off == 15
    [_, warning] = list_warnings(Evaluation({"test": figures}))
    assert "15 of 150 outputs were cut off at the length limit: raise max_new_tokens" in warning


def test_every_clip_is_in_the_csv_and_a_formula_is_none(tmp_path: Path) -> None:
    predictions = make_predictions(6)
    predictions[2] = Prediction(predictions[2].example, UNREAD)
    write_predictions(tmp_path / "predictions.csv", predictions)
    with (tmp_path / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["clip_id"] for row in rows] == [each.example.clip_id for each in predictions]
    assert rows[2]["error"] == UNREAD.error
    assert rows[2]["visual_score"] == ""
    assert float(rows[3]["visual_score"]) == pytest.approx(read_scores_of(predictions)[2], abs=1e-6)
    assert sum(float(rows[3][f"visual_p_{word}"]) for word in ("bad", "poor", "fair", "good", "excellent")) == (
        pytest.approx(1, abs=1e-5)
    )
