"""Trace a clip of a release back to its ratings, drafts and reviews, and a rating on to the releases that hold it.

Frozen facts come from the files of a release. What happened afterwards comes from the database. Nothing here names a
person: raters have the pseudonyms of the campaign.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from annotation.models import Draft, Item, Rating, Review
from datasets.models import Release
from datasets.services.pseudonyms import make_pseudonym
from datasets.services.releases import locate_release
from qsave.axes import AXES
from qsave.release.clip_rows import FrozenClip, Row, read_clip, read_rows
from qsave.release.encoding import ReleaseError
from qsave.release.manifest import FORMAT
from qsave.report_card import card_from_json

MOST_READ = 50
"""Of a campaign with more frozen releases, only the newest are read."""


RatingKey = tuple[str, int]
"""A rater's pseudonym, and the number of the rating among those of the clip by that rater, from 1."""


class StoredRating(NamedTuple):
    """A rating in the database: its key and the number of its current revision."""

    pk: int
    revision: int


@dataclass(frozen=True, slots=True)
class FrozenRating:
    """A rating as it was frozen, and whether the rater edited it afterwards. `row` is a row of ratings.parquet."""

    row: Row
    is_edited_since: bool


@dataclass(frozen=True, slots=True)
class ShownDraft:
    """A draft that existed when the release was frozen."""

    critic: str
    created_at: datetime
    ratings: int
    """How many ratings were made with it."""


@dataclass(frozen=True, slots=True)
class EarlierReview:
    """A review that existed when the release was frozen. `scores` is empty for one that undid another review."""

    created_at: datetime
    scores: Mapping[str, float]
    is_undone: bool


@dataclass(frozen=True, slots=True)
class ClipLineage:
    """Where the rows of one clip in a release come from. `item` is None if the campaign no longer has the clip."""

    frozen: FrozenClip
    item: Item | None
    ratings: tuple[FrozenRating, ...]
    drafts: tuple[ShownDraft, ...]
    reviews: tuple[EarlierReview, ...]


@dataclass(frozen=True, slots=True)
class Holding:
    """What a frozen release holds of an item. `ratings` has, by the key of a rating, its row of ratings.parquet."""

    release: Release
    ratings: Mapping[int, Row]

    @property
    def counted(self) -> int:
        return sum(bool(row["counted"]) for row in self.ratings.values())


def read_lineage(release: Release, clip_id: str) -> ClipLineage:
    """Trace a clip of a frozen release. Raises ReleaseRefused or ReleaseError if its folder cannot be read."""
    frozen = read_clip(locate_release(release), clip_id)
    item = Item.objects.filter(campaign=release.campaign_id, clip__clip_id=clip_id).select_related("clip").first()
    stored = _read_ratings(item) if item else {}
    return ClipLineage(
        frozen=frozen,
        item=item,
        ratings=tuple(
            FrozenRating(row, key in stored and "revision" in row and stored[key].revision > row["revision"])
            for key, row in _number_ratings(frozen.ratings)
        ),
        drafts=tuple(_read_drafts(release, item)) if item else (),
        reviews=tuple(_read_reviews(release, item)) if item else (),
    )


def list_holdings(item: Item) -> list[Holding]:
    """Return what each frozen release holds of an item, newest first. A release that cannot be read is left out."""
    stored = _read_ratings(item)
    releases = Release.objects.filter(campaign=item.campaign_id, state=Release.State.FROZEN, format=FORMAT)[:MOST_READ]
    holdings = []
    for release in releases:
        try:
            rows = read_rows(locate_release(release), "ratings.parquet", "clip_id", item.clip.clip_id)
        except ReleaseError:  # the page of the release says so
            continue
        if rows:
            keyed = {stored[key].pk: row for key, row in _number_ratings(rows) if key in stored}
            holdings.append(Holding(release, keyed))
    return holdings


def _number_ratings(rows: Iterable[Row]) -> Iterator[tuple[RatingKey, Row]]:
    """Yield the rows of one clip with their keys. A release has the ratings of a rater in the order of their keys."""
    numbers: dict[str, int] = defaultdict(int)
    for row in rows:
        numbers[row["rater"]] += 1
        yield (row["rater"], numbers[row["rater"]]), row


def _read_ratings(item: Item) -> dict[RatingKey, StoredRating]:
    """Return the key and the current revision of each rating of an item, as a release names the rating."""
    rows = Rating.objects.filter(item=item, revisions__is_current=True).order_by("pk")
    numbers: dict[str, int] = defaultdict(int)
    ratings: dict[RatingKey, StoredRating] = {}
    for pk, person, revision in rows.values_list("pk", "rater__uuid", "revisions__number"):
        pseudonym = make_pseudonym(item.campaign, person)
        numbers[pseudonym] += 1
        ratings[pseudonym, numbers[pseudonym]] = StoredRating(pk, revision)
    return ratings


def _read_drafts(release: Release, item: Item) -> Iterator[ShownDraft]:
    drafts = Draft.objects.filter(item=item, created_at__lte=release.frozen_at).order_by("pk")
    for draft in drafts.prefetch_related("ratings"):
        yield ShownDraft(draft.critic, draft.created_at, len(draft.ratings.all()))


def _read_reviews(release: Release, item: Item) -> Iterator[EarlierReview]:
    reviews = Review.objects.filter(item=item, created_at__lte=release.frozen_at).select_related("undone_by")
    for review in reviews.order_by("pk"):
        scores = card_from_json(review.card).scores if review.card else {}
        undone = getattr(review, "undone_by", None)
        yield EarlierReview(
            review.created_at,
            {axis.value: float(scores[axis]) for axis in AXES if axis in scores},
            undone is not None and undone.created_at <= release.frozen_at,
        )


def rating_to_json(rating: FrozenRating) -> dict[str, Any]:
    """Return a rating as scripts get it."""
    return dict(rating.row) | {"edited_since": rating.is_edited_since}
