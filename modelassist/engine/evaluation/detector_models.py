"""The two kinds of regression from features to a score, as plain numbers: a ridge, and boosted trees.

Fitting needs scikit-learn, which is imported there only. Predicting, storing as JSON and loading need numpy only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qsave.axes import MAX_LEVEL, MIN_LEVEL
from qsave.detectors.features import FEATURES

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_PENALTIES = np.logspace(0, 5, 11)  # for features of standard deviation 1
_TREES = {"n_estimators": 150, "learning_rate": 0.06, "max_depth": 3, "subsample": 0.6, "max_features": 0.3}


@dataclass(frozen=True, slots=True, eq=False)
class LinearModel:
    """Predicts intercept + coefficients . (features - mean) / scale, within the levels. Arrays have (features,)."""

    mean: Floats
    scale: Floats
    coefficients: Floats
    intercept: float

    def predict(self, features: Floats) -> Floats:
        """Return the scores (clips,) of features (clips, features), in [1, 5]."""
        return _clip(self.intercept + (features - self.mean) / self.scale @ self.coefficients)


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A decision tree; node 0 is the root. Arrays have (nodes,); a leaf has itself as both children."""

    feature: Ints
    limit: Floats
    """A clip goes left if its feature is at most the limit, both as float32."""
    left: Ints
    right: Ints
    value: Floats
    """What a leaf adds to the score."""


@dataclass(frozen=True, slots=True, eq=False)
class TreeModel:
    """Predicts `base` plus what each tree adds, within the levels."""

    base: float
    trees: Sequence[Tree]

    def predict(self, features: Floats) -> Floats:
        """Return the scores (clips,) of features (clips, features), in [1, 5]."""
        narrow = features.astype(np.float32)
        scores = np.full(len(features), self.base)
        for tree in self.trees:
            scores += _follow(tree, narrow)
        return _clip(scores)


Model = LinearModel | TreeModel


def fit_ridge(features: Floats, mos: Floats, seed: int) -> LinearModel:
    """Fit a ridge regression; leave-one-out errors choose its penalty. The seed has no effect."""
    from sklearn.linear_model import RidgeCV

    mean, spread = features.mean(0), features.std(0)
    scale = np.where(spread > 1e-9, spread, 1.0)
    ridge = RidgeCV(_PENALTIES).fit((features - mean) / scale, mos)
    return LinearModel(mean, scale, np.asarray(ridge.coef_, np.float64), float(ridge.intercept_))


def fit_trees(features: Floats, mos: Floats, seed: int) -> TreeModel:
    """Fit boosted trees (Friedman 2002, stochastic gradient boosting)."""
    from sklearn.ensemble import GradientBoostingRegressor

    boosted = GradientBoostingRegressor(**_TREES, random_state=seed).fit(features, mos)
    rate = _TREES["learning_rate"]
    trees = [_read_tree(stage[0].tree_, rate) for stage in boosted.estimators_]
    return TreeModel(float(boosted.init_.constant_[0, 0]), trees)


def _read_tree(tree: Any, rate: float) -> Tree:
    """Copy a fitted tree of scikit-learn, whose leaves have the child -1."""
    itself = np.arange(tree.node_count)
    is_leaf = tree.children_left < 0
    return Tree(
        feature=np.where(is_leaf, 0, tree.feature),
        limit=np.where(is_leaf, 0.0, tree.threshold),
        left=np.where(is_leaf, itself, tree.children_left),
        right=np.where(is_leaf, itself, tree.children_right),
        value=rate * tree.value[:, 0, 0],
    )


def _follow(tree: Tree, features: npt.NDArray[np.float32]) -> Floats:
    clips = np.arange(len(features))
    nodes = np.zeros(len(features), np.int64)
    while True:
        goes_left = features[clips, tree.feature[nodes]] <= tree.limit[nodes]
        children = np.where(goes_left, tree.left[nodes], tree.right[nodes])
        if (children == nodes).all():
            return tree.value[nodes]
        nodes = children


def _clip(scores: Floats) -> Floats:
    return np.asarray(np.clip(scores, MIN_LEVEL, MAX_LEVEL), np.float64)


def model_to_json(model: Model) -> dict[str, Any]:
    """Return `{"kind": "ridge" | "trees", ..}` with the numbers as lists."""
    if isinstance(model, LinearModel):
        arrays = {name: getattr(model, name).tolist() for name in ("mean", "scale", "coefficients")}
        return {"kind": "ridge", **arrays, "intercept": model.intercept}
    names = ("feature", "limit", "left", "right", "value")
    trees = [{name: getattr(tree, name).tolist() for name in names} for tree in model.trees]
    return {"kind": "trees", "base": model.base, "trees": trees}


def model_from_json(value: Mapping[str, Any]) -> Model:
    """Parse the JSON of `model_to_json`. Raises KeyError, TypeError or ValueError for anything else."""
    if value["kind"] == "ridge":
        return _ridge_from_json(value)
    if value["kind"] == "trees":
        return TreeModel(_read_finite([value["base"]])[0], [_tree_from_json(tree) for tree in value["trees"]])
    raise ValueError(f"there is no model of kind {value['kind']!r}")


def _ridge_from_json(value: Mapping[str, Any]) -> LinearModel:
    mean, scale, coefficients = (_read_finite(value[name]) for name in ("mean", "scale", "coefficients"))
    if not len(mean) == len(scale) == len(coefficients) == len(FEATURES):
        raise ValueError("a ridge needs one number for each feature")
    if (scale <= 0).any():
        raise ValueError("a scale must be above 0")
    return LinearModel(mean, scale, coefficients, _read_finite([value["intercept"]])[0])


def _tree_from_json(value: Mapping[str, Any]) -> Tree:
    """Parse a tree. Children come after their parent, so following them always ends."""
    feature, left, right = (np.asarray(value[name], np.int64) for name in ("feature", "left", "right"))
    limit, numbers = _read_finite(value["limit"]), _read_finite(value["value"])
    itself = np.arange(len(numbers))
    if not 0 < len(feature) == len(left) == len(right) == len(limit) == len(numbers):
        raise ValueError("a tree needs one number for each node")
    if (feature < 0).any() or (feature >= len(FEATURES)).any():
        raise ValueError("a tree asks for a feature that does not exist")
    is_leaf = (left == itself) & (right == itself)
    goes_on = (np.minimum(left, right) > itself) & (np.maximum(left, right) < len(itself))
    if not (is_leaf | goes_on).all():
        raise ValueError("a tree has a child that is not below its parent")
    return Tree(feature, limit, left, right, numbers)


def _read_finite(value: object) -> Floats:
    numbers = np.asarray(value, np.float64)
    if not np.isfinite(numbers).all() or numbers.ndim != 1:
        raise ValueError("a model has lists of finite numbers")
    return numbers
