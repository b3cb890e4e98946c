"""The counted ratings of a campaign as columns of numbers, streamed from the database without model instances."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from django.db.models import Case, Exists, FloatField, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, Coalesce, NullIf

from annotation.agreement.scores import select_counted_answers, select_counted_ratings
from annotation.models import Arm, AxisAnswer, Campaign, Draft, Exposure, Item, Rating, make_blind_condition
from annotation.raters.screening import read_screened_raters
from annotation.rating.drafts import make_visible_condition
from qsave.axes import AXES, Axis
from qsave.statistics.anchoring import Anchoring, measure_anchoring_of
from qsave.statistics.figures import Bools, Floats, Ints
from qsave.statistics.table import RatingTable

CHUNK = 20_000
"""Rows that are read at once."""


@dataclass(frozen=True, slots=True, eq=False)
class CountedRatings:
    """Ratings in the order of their keys, which is that in which they were first submitted. `draft` is 0 without one.

    `is_blind` marks those that no critic can have influenced; `is_assisted` is the arm as drawn."""

    key: Ints
    item: Ints
    rater: Ints
    draft: Ints
    is_assisted: Bools
    is_blind: Bools

    def __len__(self) -> int:
        return len(self.key)


@dataclass(frozen=True, slots=True, eq=False)
class CountedAnswers:
    """The current answers of ratings. `rating` is a position in the ratings, `axis` one in AXES.

    `is_exposed` marks answers beside a draft of their axis, `is_confirmed` those that left it unedited. `edits` is the
    edit distance of a drafted reason, -1 if none was drafted.
    """

    ratings: CountedRatings
    rating: Ints
    axis: Ints
    score: Ints
    is_exposed: Bools
    is_confirmed: Bools
    edits: Ints

    def __len__(self) -> int:
        return len(self.rating)

    @property
    def item(self) -> Ints:
        return self.ratings.item[self.rating]

    @property
    def rater(self) -> Ints:
        return self.ratings.rater[self.rating]

    def keep(self, mask: Bools) -> "CountedAnswers":
        """Keep the answers that `mask` (answers,) marks."""
        return CountedAnswers(
            self.ratings,
            self.rating[mask],
            self.axis[mask],
            self.score[mask],
            self.is_exposed[mask],
            self.is_confirmed[mask],
            self.edits[mask],
        )

    def on_axis(self, axis: Axis) -> "CountedAnswers":
        return self.keep(self.axis == AXES.index(axis))

    def make_table(self) -> RatingTable:
        """Make a table of the answers, which must be of one axis."""
        return RatingTable.from_columns(self.item, self.rater, self.score.astype(np.float64))


def read_counted_answers(campaign: Campaign, items: tuple[int, int] | None = None) -> CountedAnswers:
    """Read the ratings and answers that count, those of screened raters too. Two queries. `items` are the lowest and
    the highest key of the items to read; without it all are read."""
    ratings, answers = select_counted_ratings(campaign).order_by(), select_counted_answers(campaign).order_by()
    if items is not None:
        ratings = ratings.filter(item__gte=items[0], item__lte=items[1])
        answers = answers.filter(revision__rating__item__gte=items[0], revision__rating__item__lte=items[1])
    flags = {"assisted": Q(arm=Arm.ASSISTED), "blind": make_blind_condition()}
    rows = _read_rows(
        ratings, "pk", "item", "rater", Coalesce("draft", 0), *(_count_if(flag) for flag in flags.values())
    )
    rows = rows[np.argsort(rows[:, 0])]
    key, item, rater, draft, assisted, blind = rows.T
    counted = CountedRatings(key, item, rater, draft, assisted.astype(np.bool_), blind.astype(np.bool_))
    return _read_answers(answers, counted)


def read_unscreened_answers(campaign: Campaign, items: tuple[int, int] | None = None) -> CountedAnswers:
    """Read the answers that figures rest on: without those of raters who are screened out. Three queries."""
    answers = read_counted_answers(campaign, items)
    return answers.keep(~np.isin(answers.rater, sorted(read_screened_raters(campaign))))


def _read_answers(answers: QuerySet[AxisAnswer], ratings: CountedRatings) -> CountedAnswers:
    axis = Case(
        *(When(axis=axis.value, then=Value(position)) for position, axis in enumerate(AXES)),
        output_field=IntegerField(),
    )
    exposed = _count_if(~Q(exposure=Exposure.NONE))
    confirmed = _count_if(Q(draft_use=AxisAnswer.DraftUse.CONFIRMED))
    fields = ("revision__rating", axis, "score", exposed, confirmed, Coalesce("draft_edit_distance", -1))
    rows = _read_rows(answers, *fields)
    rows = rows[np.argsort(rows[:, 0] * len(AXES) + rows[:, 1])]
    position = np.searchsorted(ratings.key, rows[:, 0])
    # a rating that was stored between the two queries is left out
    known = np.append(ratings.key, -1)[position] == rows[:, 0]
    rows, position = rows[known], position[known]
    _key, axes, score, is_exposed, is_confirmed, edits = rows.T
    return CountedAnswers(
        ratings, position, axes, score, is_exposed.astype(np.bool_), is_confirmed.astype(np.bool_), edits
    )


def compare_arms(answers: CountedAnswers, drafted: Mapping[int, float]) -> Anchoring:
    """Measure the pull of drafts from answers of one axis. `drafted` are the drafted scores of items that have one."""
    table = answers.make_table()
    targets = np.array([drafted.get(item, np.nan) for item in table.item_ids], dtype=np.float64)
    order = np.lexsort((answers.rater, answers.item))  # that of the table
    return measure_anchoring_of(table, answers.ratings.is_assisted[answers.rating][order], targets)


@dataclass(frozen=True, slots=True, eq=False)
class ShownDrafts:
    """The drafts that raters were shown, in the order in which they were made: which axes raters see of each, and the
    score that it gives (drafts, axes), NaN without one."""

    key: Ints
    item: Ints
    proposes: Bools
    scores: Floats

    def keep(self, mask: Bools) -> "ShownDrafts":
        return ShownDrafts(self.key[mask], self.item[mask], self.proposes[mask], self.scores[mask])


def read_shown_drafts(campaign: Campaign) -> ShownDrafts:
    """Read the drafts that a rater of the campaign was shown. One query."""
    served = Draft.objects.filter(Exists(Rating.objects.filter(draft=OuterRef("pk"), slot__campaign=campaign)))
    has = [_count_if(make_visible_condition(campaign, axis)) for axis in AXES]
    rows = served.order_by("pk").values_list("pk", "item", *has, *map(select_drafted_score, AXES))
    columns = stack_rows(stream_rows(rows), np.float64, width=2 + 2 * len(AXES))
    count = len(AXES)
    return ShownDrafts(
        key=columns[:, 0].astype(np.int64),
        item=columns[:, 1].astype(np.int64),
        proposes=columns[:, 2 : 2 + count] > 0,
        scores=columns[:, 2 + count :],
    )


def select_drafted_score(axis: Axis) -> Cast:
    """Select the score of an axis of a draft as a number, so that the JSON is not read here; None without one."""
    text = KeyTextTransform("score", KeyTransform(axis.value, "proposal"))
    return Cast(NullIf(text, Value("null")), FloatField())  # "null" is what SQLite gives


@dataclass(frozen=True, slots=True, eq=False)
class RatedItems:
    """The items of a campaign in the order of their keys: the clip, the prompt group, and the generator (a position in
    `generators`)."""

    key: Ints
    clip: Ints
    group: Ints
    generator: Ints
    generators: tuple[str, ...]

    def find(self, keys: Ints) -> Ints:
        """Return the positions of items."""
        return np.searchsorted(self.key, keys)


def read_items(campaign: Campaign) -> RatedItems:
    """Read the items of a campaign. One query."""
    numbers: dict[str, int] = {}
    rows = Item.objects.filter(campaign=campaign).order_by("pk")
    fields = rows.values_list("pk", "clip", "clip__prompt_group", "clip__generator")
    coded = ((pk, clip, group, numbers.setdefault(name, len(numbers))) for pk, clip, group, name in stream_rows(fields))
    key, clip, group, generator = stack_rows(coded, np.int64, width=4).T
    return RatedItems(key, clip, group, generator, tuple(numbers))


def _count_if(condition: Q) -> Case:
    """Return 1 where a condition holds, else 0."""
    return Case(When(condition, then=Value(1)), default=Value(0), output_field=IntegerField())


def _read_rows(rows: QuerySet[Any], *fields: Any) -> Ints:
    """Read columns of whole numbers (rows, fields)."""
    columns: Ints = stack_rows(stream_rows(rows.values_list(*fields)), np.int64, width=len(fields))
    return columns


def stream_rows(rows: QuerySet[Any, Any]) -> Iterator[Any]:
    """Yield the rows of a query, from a cursor of the server where the database has one."""
    return iter(rows.iterator(chunk_size=CHUNK))


def stack_rows(rows: Iterable[Sequence[Any]], kind: Any, *, width: int) -> Any:
    """Stack rows of numbers to an array (rows, width), a chunk at a time; None is NaN."""
    stream, chunks = iter(rows), []
    while chunk := list(islice(stream, CHUNK)):
        chunks.append(np.array(chunk, dtype=kind))
    return np.concatenate(chunks) if chunks else np.empty((0, width), dtype=kind)
