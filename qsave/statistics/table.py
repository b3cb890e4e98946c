"""The input of all estimators: the score of each item by each rater, in long form, because campaigns are sparse."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qsave.statistics.figures import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class RatingTable:
    """Parallel arrays with one entry a rating; `items` and `raters` index `item_ids` and `rater_ids`.

    Ids and entries are sorted, so a figure (its seeded interval included) does not depend on the order of input.
    """

    items: Ints
    raters: Ints
    scores: Floats
    item_ids: tuple[Any, ...]
    rater_ids: tuple[Any, ...]

    @classmethod
    def from_triples(cls, triples: Iterable[tuple[Hashable, Hashable, float]]) -> RatingTable:
        """Make a table from (item, rater, score). Raises ValueError for a score that is not finite, and for a second
        score of one rater on one item (a repeat is not a rating: see `raters`)."""
        rows = list(triples)
        scores = np.array([row[2] for row in rows], dtype=np.float64)
        return cls._sort(_number_ids([row[0] for row in rows]), _number_ids([row[1] for row in rows]), scores)

    @classmethod
    def from_columns(cls, items: Ints, raters: Ints, scores: Floats) -> RatingTable:
        """Make a table as `from_triples` does, from the whole numbers that identify items and raters (ratings,)."""
        item_ids, item_codes = np.unique(items, return_inverse=True)
        rater_ids, rater_codes = np.unique(raters, return_inverse=True)
        ids = tuple(item_ids.tolist()), tuple(rater_ids.tolist())
        return cls._sort((ids[0], item_codes), (ids[1], rater_codes), scores.astype(np.float64))

    @classmethod
    def _sort(
        cls, items_and_ids: tuple[tuple[Any, ...], Ints], raters_and_ids: tuple[tuple[Any, ...], Ints], scores: Floats
    ) -> RatingTable:
        (item_ids, items), (rater_ids, raters) = items_and_ids, raters_and_ids
        if not np.isfinite(scores).all():
            raise ValueError("A score must be a finite number.")
        order = np.lexsort((raters, items))
        items, raters, scores = items[order], raters[order], scores[order]
        twice = np.flatnonzero((np.diff(items) == 0) & (np.diff(raters) == 0))
        if len(twice):
            first = twice[0]
            raise ValueError(f"Rater {rater_ids[raters[first]]} has two scores for item {item_ids[items[first]]}.")
        return cls(items, raters, scores, item_ids, rater_ids)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def item_count(self) -> int:
        return len(self.item_ids)

    @property
    def rater_count(self) -> int:
        return len(self.rater_ids)

    @property
    def n(self) -> Ints:
        """Ratings of each item (items,)."""
        return np.bincount(self.items, minlength=self.item_count).astype(np.int64)

    @property
    def rated(self) -> Ints:
        """Ratings of each rater (raters,)."""
        return np.bincount(self.raters, minlength=self.rater_count).astype(np.int64)

    @property
    def sums(self) -> Floats:
        """Sum of scores of each item (items,)."""
        return self.sum_by_item(self.scores)

    @property
    def means(self) -> Floats:
        """Mean score of each item (items,)."""
        return self.sums / self.n

    @property
    def squares(self) -> Floats:
        """Sum of squared deviations from the item's mean (items,)."""
        deviations = self.scores - self.means[self.items]
        return self.sum_by_item(deviations**2)

    def sum_by_item(self, values: Floats) -> Floats:
        """Sum `values` (ratings,) over the ratings of each item (items,)."""
        return _sum_by_code(self.items, values, self.item_count)

    def sum_by_rater(self, values: Floats) -> Floats:
        """Sum `values` (ratings,) over the ratings of each rater (raters,)."""
        return _sum_by_code(self.raters, values, self.rater_count)

    def keep(self, mask: Bools) -> RatingTable:
        """Keep the ratings that `mask` (ratings,) marks; items and raters without ratings drop out."""
        items, of_item = np.unique(self.items[mask], return_inverse=True)
        raters, of_rater = np.unique(self.raters[mask], return_inverse=True)
        return RatingTable(
            of_item.astype(np.int64),
            of_rater.astype(np.int64),
            self.scores[mask],
            tuple(self.item_ids[item] for item in items),
            tuple(self.rater_ids[rater] for rater in raters),
        )

    def replace_scores(self, scores: Floats) -> RatingTable:
        """Replace the scores (ratings,), by their ranks for example."""
        return RatingTable(self.items, self.raters, scores, self.item_ids, self.rater_ids)


def _sum_by_code(codes: Ints, values: Floats, count: int) -> Floats:
    # without entries bincount returns integers even with weights
    return np.bincount(codes, weights=values, minlength=count).astype(np.float64)


def _number_ids(ids: Sequence[Hashable]) -> tuple[tuple[Any, ...], Ints]:
    ordered = tuple(sorted(set(ids)))  # type: ignore[type-var]  # ids of one table are of one sortable kind
    numbers = {name: number for number, name in enumerate(ordered)}
    return ordered, np.array([numbers[name] for name in ids], dtype=np.int64)
