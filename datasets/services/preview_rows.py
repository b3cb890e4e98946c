"""The facts of clips and ratings that decide the numbers of a release: no texts, evidence or files.

A preview reads them in a fixed number of queries. The build reads everything (`snapshot`).
"""

from collections import Counter, defaultdict
from collections.abc import Collection
from typing import Any, NamedTuple

from django.db.models import Count, F, FilteredRelation, Q

from annotation.agreement.reviews import read_reviews_in_force
from annotation.agreement.scores import read_watched_share
from annotation.intake.split_draw import read_held_out
from annotation.models import Campaign, ImportedJudgement, Item, RatingRevision, Review, make_blind_condition
from annotation.raters.screening import read_screened_raters
from annotation.rating.draft_use import has_own_words
from annotation.rating.work import read_work
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from datasets.services.pseudonyms import make_pseudonym
from qsave.axes import AXES
from qsave.report_card import ReportCard, card_from_json


class RatingRow(NamedTuple):
    """One rating; `scores` and `own_words` have a value for each axis."""

    rater: str
    kind: str
    screened: bool
    simulated: bool
    blind: bool
    guideline: int
    share_watched: float | None
    scores: tuple[int, ...]
    own_words: tuple[bool, ...]


class ClipRow(NamedTuple):
    """One clip of the campaign. `group` is the key of its prompt group."""

    item: int
    clip_id: str
    sha256: str
    generator: str
    split: str
    group: int
    bridges: bool
    simulated: bool
    excluded: str
    held_out: bool
    review: ReportCard | None


def read_clips(campaign: Campaign) -> list[ClipRow]:
    """Return the clips that are not withdrawn, in the order of clip ids. Four queries."""
    items = Item.objects.filter(campaign=campaign, clip__is_ready=True)
    rows = items.exclude(availability=Item.Availability.WITHDRAWN).values_list(
        "pk",
        "clip__clip_id",
        "clip__sha256",
        "clip__generator",
        "clip__prompt_group__split",
        "clip__prompt_group",
        "clip__bridges_splits",
        "clip__is_simulated",
        "exclusion_reason",
    )
    reviewed = Review.objects.filter(item__campaign=campaign).values_list("item", flat=True).distinct()
    reviews = {item: card_from_json(review.card) for item, review in read_reviews_in_force(reviewed).items()}
    held_out = read_held_out()
    clips = [ClipRow(*row, row[3] in held_out, reviews.get(row[0])) for row in rows]
    return sorted(clips, key=lambda clip: clip.clip_id)


def read_ratings(campaign: Campaign, policy: ReleasePolicy) -> dict[int, list[RatingRow]]:
    """Return the ratings in their current revision, by item. Watched shares are read only if the policy asks for a
    share. Two queries, or three. Raises ReleaseRefused for a rating without a score on an axis."""
    screened, shares = read_screened_raters(campaign), _read_shares(campaign) if policy.minimum_watched else {}
    names: dict[int, str] = {}
    ratings: dict[int, list[RatingRow]] = defaultdict(list)
    for item, rating, rater, person, kind, simulated, blind, guideline, *answers in _select_rows(campaign):
        scores, uses, distances = tuple(answers[0::3]), answers[1::3], answers[2::3]
        if None in scores:
            raise ReleaseRefused(f"Rating {rating} is incomplete: it has no score on an axis. Tell an engineer.")
        if rater not in names:
            names[rater] = make_pseudonym(campaign, person)
        words = tuple(map(has_own_words, uses, distances))
        row = RatingRow(
            names[rater], kind, rater in screened, simulated, blind, guideline or 0, shares.get(rating), scores, words
        )
        ratings[item].append(row)
    return ratings


def _select_rows(campaign: Campaign) -> Any:
    """Return an iterator of the columns of `read_ratings`: the answers are the score, the use of the draft and the edit
    distance on each axis."""
    revisions = RatingRevision.objects.filter(is_current=True, rating__item__campaign=campaign)
    on_axis = {axis.value: FilteredRelation("answers", condition=Q(answers__axis=axis.value)) for axis in AXES}
    columns = [f"{axis}__{name}" for axis in AXES for name in ("score", "draft_use", "draft_edit_distance")]
    rows = revisions.annotate(**on_axis, is_blind=make_blind_condition("rating__")).values_list(
        "rating__item",
        "rating",
        "rating__rater",
        "rating__rater__uuid",
        "rating__slot__kind",
        "rating__is_simulated",
        "is_blind",
        "rating__guideline__number",
        *columns,
    )
    return rows.iterator(chunk_size=5000)


def _read_shares(campaign: Campaign) -> dict[int, float | None]:
    """Return the watched share of each rating over all its revisions, as `snapshot` does. One query."""
    work = read_work(RatingRevision.objects.filter(rating__item__campaign=campaign))
    shares = {rating: read_watched_share(one.viewing) for rating, one in work.items()}
    return {rating: None if share is None else round(share, 6) for rating, share in shares.items()}


def count_judgements(campaign: Campaign, sources: Collection[str]) -> dict[int, Counter[str]]:
    """Return how many ratings made elsewhere each item has, by source. One query, or no query without sources."""
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    if sources:
        judgements = ImportedJudgement.objects.filter(
            clip__items__campaign=campaign, source__in=sources, clip_version=F("clip__version")
        )
        for item, source, number in judgements.values_list("clip__items", "source").annotate(n=Count("pk")):
            counts[item][source] = number
    return counts
