"""Where the variance of scores comes from: prompts, clips of one prompt, raters, and all else.

The variances of clips, raters and noise are those of the mixed model. That of clips is split: the variance between
prompts is estimated from the corrected MOS by a one-way analysis of variance, unbalanced (Searle 1971), and the rest is
between clips of one prompt.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from qsave.statistics.figures import Figure, Floats, Undefined
from qsave.statistics.mixed import fit_mixed_model
from qsave.statistics.table import RatingTable


@dataclass(frozen=True, slots=True)
class VarianceShares:
    """Shares of the variance of a score, which sum to 1. `item` is that between clips of one prompt. `total` is the
    variance, on the scale of the scores."""

    prompt: Figure
    item: Figure
    rater: Figure
    residual: Figure
    total: Figure


def compute_variance_shares(table: RatingTable, groups: Sequence[Hashable]) -> VarianceShares:
    """Compute the shares; `groups` names the prompt group of each item, in the order of `table.item_ids`."""
    model = fit_mixed_model(table)
    if isinstance(model, Undefined):
        return _explain(model)
    if len(table) == table.item_count:
        return _explain(Undefined("no clip has two ratings: nothing tells noise from quality"))
    parts = model.variances
    total = parts.item + parts.rater + parts.residual
    if total <= 0:
        return _explain(Undefined("all ratings are equal"))
    prompt = min(parts.item, _compute_between(model.mos, groups))
    shares = (prompt / total, (parts.item - prompt) / total, parts.rater / total, parts.residual / total)
    return VarianceShares(*shares, total)


def _explain(reason: Undefined) -> VarianceShares:
    return VarianceShares(reason, reason, reason, reason, reason)


def _compute_between(values: Floats, groups: Sequence[Hashable]) -> float:
    """Compute the variance between groups, at least 0; 0 if no group has two values."""
    numbers: dict[Hashable, int] = {}
    codes = np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)
    n = np.bincount(codes)
    total, count = len(values), len(n)
    if count < 2 or total == count:
        return 0.0
    means = np.bincount(codes, weights=values) / n
    between = float((n * (means - values.mean()) ** 2).sum() / (count - 1))
    within = float(((values - means[codes]) ** 2).sum() / (total - count))
    typical = (total - float((n**2).sum()) / total) / (count - 1)
    return max(0.0, (between - within) / typical)
