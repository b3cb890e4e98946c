"""Scores appear where readings predict ratings, and never where they do not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingRegressor

from modelassist.engine.evaluation import detector_models
from modelassist.engine.evaluation.detector_models import TreeModel
from modelassist.engine.evaluation.detector_scores import (
    LEAST_CLIPS_FOR_TREES,
    AxisScores,
    DetectorScores,
    ScoresError,
    fit_scores,
    scores_from_json,
    scores_to_json,
)
from qsave.axes import Axis
from qsave.detectors.features import FEATURES, compute_features
from qsave.detectors.measure import measure_clip
from qsave.detectors.propose import propose
from qsave.proposal import Proposal
from qsave.taxonomy import DEFAULT_TAXONOMY
from tests.qsave.frames.clips import write_clip

CLIPS = 120
GROUPS = [f"prompt {number // 3}" for number in range(CLIPS)]


def draw_world(seed: int, told: float) -> tuple[Any, Any]:
    """Draw features, and a MOS of which the share `told` of the variance follows from two of the features."""
    rng = np.random.default_rng(seed)
    features = rng.normal(0, 3, (CLIPS, len(FEATURES))) + 10
    signal = (features[:, 4] - features[:, 9]) / (3 * 2**0.5)
    prompts = np.repeat(rng.normal(0, 0.3, CLIPS // 3), 3)
    mos = 3 + 0.8 * (told**0.5 * signal + (1 - told) ** 0.5 * rng.normal(0, 1, CLIPS)) + prompts
    return features, np.clip(mos, 1, 5)


def fit(seed: int, visual: float, dynamic: float = 0.0) -> DetectorScores:
    features, mos = draw_world(seed, visual)
    _, noise = draw_world(seed + 1000, dynamic)
    return fit_scores(features, {Axis.VISUAL: mos, Axis.DYNAMIC: noise}, GROUPS, seed)


def test_noise_gets_no_score() -> None:
    fits = [result for seed in range(10) for result in fit(seed, visual=0.0).axes.values()]
    assert [result for result in fits if result.model] == []
    assert all(result.summary.startswith("No better than the constant: an error of ") for result in fits)


@pytest.mark.parametrize("seed", [0, 1])
def test_noise_gets_no_score_from_trees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(LEAST_CLIPS_FOR_TREES, len(FEATURES)))
    groups = [f"prompt {number // 3}" for number in range(len(features))]
    mos = {Axis.VISUAL: np.clip(rng.normal(3, 0.8, len(features)), 1, 5)}
    assert fit_scores(features, mos, groups, seed).axes[Axis.VISUAL].model is None


def test_ratings_that_follow_from_readings_get_a_score_on_that_axis_alone() -> None:
    scores = fit(1, visual=0.9)
    visual, dynamic = scores.axes[Axis.VISUAL], scores.axes[Axis.DYNAMIC]
    assert visual.model is not None
    assert dynamic.model is None
    assert visual.rmse < 0.9 * visual.constant_rmse
    assert visual.summary.startswith("Better than the constant")
    features, mos = draw_world(1, 0.9)
    assert np.corrcoef(visual.model.predict(features), mos)[0, 1] > 0.9


def test_a_prompt_that_explains_the_rating_does_not_pass_for_a_reading() -> None:
    """Features that only tell the prompt are worth nothing on the prompts left out."""
    rng = np.random.default_rng(3)
    features = np.repeat(rng.normal(size=(CLIPS // 3, len(FEATURES))), 3, axis=0)
    mos = np.repeat(np.clip(rng.normal(3, 0.8, CLIPS // 3), 1, 5), 3)
    assert fit_scores(features, {Axis.VISUAL: mos}, GROUPS, 0).axes[Axis.VISUAL].model is None


def test_trees_are_used_where_they_are_better_and_survive_json() -> None:
    """With enough clips a rating that depends on a reading's distance from its middle is learnt, which no ridge can."""
    rng = np.random.default_rng(5)
    features = rng.normal(size=(LEAST_CLIPS_FOR_TREES, len(FEATURES)))
    mos = np.clip(4.5 - 1.5 * np.abs(features[:, 7]) + rng.normal(0, 0.2, len(features)), 1, 5)
    groups = [f"prompt {number // 3}" for number in range(len(features))]
    scores = fit_scores(features, {Axis.VISUAL: mos}, groups, 0)
    model = scores.axes[Axis.VISUAL].model
    assert isinstance(model, TreeModel)

    stored = json.loads(json.dumps(scores_to_json(scores)))
    loaded = scores_from_json(stored).axes[Axis.VISUAL].model

    assert loaded is not None
    np.testing.assert_array_equal(loaded.predict(features), model.predict(features))
    reference = GradientBoostingRegressor(**detector_models._TREES, random_state=0).fit(features, mos)
    np.testing.assert_allclose(model.predict(features), np.clip(reference.predict(features), 1, 5), atol=1e-9)
    stored["axes"]["visual"]["model"]["trees"][0]["left"][0] = 0
    with pytest.raises(ScoresError, match="a child that is not below its parent"):
        scores_from_json(stored)


def test_alignment_gets_no_score() -> None:
    features, mos = draw_world(1, 0.9)
    assert fit_scores(features, {Axis.ALIGNMENT: mos}, GROUPS, 0).axes == {}


def test_the_same_seed_gives_the_same_fit_and_it_survives_json() -> None:
    stored = json.loads(json.dumps(scores_to_json(fit(2, visual=0.9))))
    assert stored == scores_to_json(fit(2, visual=0.9))
    assert scores_to_json(scores_from_json(stored)) == stored
    assert scores_from_json(stored).axes[Axis.VISUAL].summary == fit(2, visual=0.9).axes[Axis.VISUAL].summary


def test_too_few_clips_or_prompts_are_refused_with_a_sentence() -> None:
    features, mos = draw_world(0, 0.9)
    with pytest.raises(ScoresError, match="There are 99 clips with ratings; scores need at least 100"):
        fit_scores(features[:99], {Axis.VISUAL: mos[:99]}, GROUPS[:99], 0)
    with pytest.raises(ScoresError, match="too few prompt groups"):
        fit_scores(features, {Axis.VISUAL: mos}, ["one"] * CLIPS, 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda value: {**value, "version": 9}, "another version"),
        (lambda value: {**value, "features": ["luma_mean"]}, "other features"),
        (lambda value: [], "not an object"),
        (lambda value: {**value, "axes": {"visual": {"clips": 3}}}, "cannot be read"),
        (lambda value: value["axes"]["visual"]["model"]["mean"].pop() and value, "one number for each feature"),
        (lambda value: value["axes"]["visual"]["model"].update(intercept=float("nan")) or value, "finite numbers"),
        (lambda value: value["axes"]["visual"]["model"].update(kind="pickle") or value, "no model of kind 'pickle'"),
    ],
)
def test_stored_scores_of_another_kind_are_refused(change: Any, words: str) -> None:
    stored = scores_to_json(fit(2, visual=0.9))
    with pytest.raises(ScoresError, match=words):
        scores_from_json(change(stored))


def test_a_score_says_where_it_is_from_and_adds_no_reason(tmp_path: Path) -> None:
    readings = measure_clip(write_clip(tmp_path / "clip.mp4"))
    rng = np.random.default_rng(0)
    features = compute_features(readings) + rng.normal(0, 1, (CLIPS, len(FEATURES)))
    mos = np.clip(3 + features[:, 5] - features[:, 5].mean(), 1, 5)
    scores = fit_scores(features, {Axis.VISUAL: mos}, GROUPS, 0)

    proposal = scores.add_to(propose(readings, DEFAULT_TAXONOMY), compute_features(readings).tolist())

    assert proposal.visual is not None
    assert proposal.visual.score is not None
    assert proposal.visual.reason == ""
    assert f"the mean ratings of {CLIPS} clips" in proposal.visual.note
    alone = scores.add_to(Proposal(), compute_features(readings).tolist()).visual
    assert alone is not None
    assert (alone.evidence, alone.score) == (None, proposal.visual.score)
    assert (proposal.dynamic, proposal.alignment) == (propose(readings, DEFAULT_TAXONOMY).dynamic, None)


def test_an_axis_without_a_model_keeps_its_proposal(tmp_path: Path) -> None:
    readings = measure_clip(write_clip(tmp_path / "clip.mp4"))
    axes: dict[Axis, AxisScores] = dict(fit(1, visual=0.0).axes)
    proposal = propose(readings, DEFAULT_TAXONOMY)
    assert DetectorScores(axes).add_to(proposal, compute_features(readings).tolist()) == proposal
