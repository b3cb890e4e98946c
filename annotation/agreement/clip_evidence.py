"""Read what raters, critics and leads say of one item: report cards, their origin, and whether they count."""

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet

from annotation.agreement.scores import read_watched_share
from annotation.models import AxisAnswer, Campaign, Draft, Exposure, Item, Rating, RatingRevision, Review, Slot
from annotation.rating.drafts import read_proposal
from annotation.rating.work import merge_viewings
from qsave import report_card
from qsave.axes import AXES, Axis
from qsave.proposal import AxisProposal, Proposal
from qsave.report_card import Box, TimeRange, card_from_json, evidence_from_json


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of evidence: the defect in the campaign's words, and its time and box if they were marked.

    `key` is its id on the page.
    """

    key: str
    axis: Axis
    defect: str
    time: TimeRange | None
    box: Box | None


@dataclass(frozen=True, slots=True)
class AxisOpinion:
    """What one person or critic says of one axis. `draft_use` is empty if a rater saw no draft of the axis.

    A critic may give no score. `note` says what it measured and by which threshold. `is_proposed` is False for an axis
    of which the critic says nothing, and `names_defects` for one of whose defects it says nothing.
    """

    axis: Axis
    score: float | None
    pieces: tuple[Piece, ...]
    reason: str
    draft_use: str = ""
    note: str = ""
    is_proposed: bool = True
    names_defects: bool = True

    @property
    def defects(self) -> list[tuple[str, int]]:
        """Return each defect with its number of pieces, in the order of the first ones."""
        return list(Counter(piece.defect for piece in self.pieces).items())


@dataclass(frozen=True, slots=True)
class Opinion:
    """The report card of one person or critic. `label` is one or two letters that no other opinion has.

    `axes` is in the order of AXES; an entry is None if the axis is missing.
    """

    key: str
    label: str
    name: str
    axes: tuple[AxisOpinion | None, ...]
    is_draft: bool = False
    version: int = 1
    """The version of the clip that it is about."""

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return tuple(piece for opinion in self.axes if opinion for piece in opinion.pieces)


@dataclass(frozen=True, slots=True)
class ItemRating:
    """One rating of the item with its current answers, all its revisions, and the work on it.

    `watched` is the share of the clip that was played; None if the page did not know it.
    """

    rating: Rating
    opinion: Opinion
    revisions: tuple[RatingRevision, ...]
    seconds: float
    watched: float | None
    is_screened: bool

    @property
    def edits(self) -> int:
        return len(self.revisions) - 1

    @property
    def is_check(self) -> bool:
        """Return whether the rating is on a check slot, so that it does not count in figures."""
        return self.rating.slot.kind != Slot.Kind.SEAT


@dataclass(frozen=True, slots=True)
class ItemDraft:
    """A critic's draft of the item, and the ratings of those who saw it."""

    draft: Draft
    opinion: Opinion
    ratings: tuple[ItemRating, ...]


@dataclass(frozen=True, slots=True)
class ItemReview:
    """A lead's review of the item; `is_undone` if a lead took it back."""

    review: Review
    opinion: Opinion
    is_undone: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """All ratings, drafts and reviews of an item, the oldest first."""

    ratings: tuple[ItemRating, ...]
    drafts: tuple[ItemDraft, ...]
    reviews: tuple[ItemReview, ...]

    @property
    def opinions(self) -> tuple[Opinion, ...]:
        return tuple(one.opinion for ones in (self.ratings, self.drafts, self.reviews) for one in ones)

    def select_opinions(self, version: int) -> tuple[Opinion, ...]:
        """Return the opinions on one version of the clip."""
        return tuple(opinion for opinion in self.opinions if opinion.version == version)


def read_item(campaign: Campaign, pk: int) -> Item | None:
    """Return an item with its clip, or None."""
    items = Item.objects.filter(campaign=campaign, pk=pk)
    return items.select_related("campaign", "clip__prompt_group", "summary").first()


def read_evidence(item: Item, screened: Set[int]) -> Evidence:
    """Return the ratings, drafts and reviews of an item; `screened` holds the raters who do not count. Five queries."""
    ratings = list(_read_ratings(item))
    drafts = list(item.drafts.order_by("created_at", "pk"))
    every = list(item.reviews.select_related("reviewer").order_by("created_at", "pk"))
    undone = {review.undoes_id for review in every}
    reviews = [review for review in every if review.undoes_id is None]
    names = [*(rating.rater for rating in ratings), *(draft.critic for draft in drafts)]
    labels = iter(make_labels([str(name) for name in (*names, *(review.reviewer for review in reviews))]))
    defects = {defect["id"]: defect["label"] for defect in item.campaign.taxonomy}
    rated = tuple(
        _make_item_rating(rating, next(labels), defects, is_screened=rating.rater_id in screened) for rating in ratings
    )
    return Evidence(
        rated,
        tuple(_make_item_draft(draft, next(labels), defects, rated) for draft in drafts),
        tuple(_make_item_review(review, next(labels), defects, is_undone=review.pk in undone) for review in reviews),
    )


def make_labels(names: Sequence[str]) -> list[str]:
    """Return a short label for each name: its first letter or digit, with a number if several names begin alike."""
    initials = [next((letter.upper() for letter in name if letter.isalnum()), "?") for name in names]
    counts, seen, labels = Counter(initials), Counter[str](), []
    for initial in initials:
        seen[initial] += 1
        labels.append(f"{initial}{seen[initial]}" if counts[initial] > 1 else initial)
    return labels


def _read_ratings(item: Item) -> QuerySet[Rating]:
    revisions = RatingRevision.objects.order_by("number").prefetch_related("answers")
    ratings = item.ratings.select_related("rater", "slot").order_by("pk")
    return ratings.prefetch_related(Prefetch("revisions", revisions))


def _make_item_rating(rating: Rating, label: str, defects: dict[str, str], *, is_screened: bool) -> ItemRating:
    revisions = tuple(rating.revisions.all())
    answers = {
        answer.axis: answer for revision in revisions if revision.is_current for answer in revision.answers.all()
    }
    key = f"rating-{rating.pk}"
    return ItemRating(
        rating=rating,
        opinion=Opinion(
            key,
            label,
            str(rating.rater),
            tuple(_make_axis_opinion(key, axis, answers.get(axis.value), defects) for axis in AXES),
            version=rating.clip_version,
        ),
        revisions=revisions,
        seconds=sum(revision.seconds_spent for revision in revisions),
        watched=read_watched_share(merge_viewings(revision.viewing for revision in revisions)),
        is_screened=is_screened,
    )


def _make_axis_opinion(key: str, axis: Axis, answer: AxisAnswer | None, defects: dict[str, str]) -> AxisOpinion | None:
    if answer is None:
        return None
    pieces = _make_pieces(key, axis, evidence_from_json(answer.evidence), defects)
    use = "" if answer.exposure == Exposure.NONE else answer.draft_use
    return AxisOpinion(axis, answer.score, pieces, answer.reason, use)


def _make_item_draft(draft: Draft, label: str, defects: dict[str, str], ratings: tuple[ItemRating, ...]) -> ItemDraft:
    axes = make_proposal_opinions(f"draft-{draft.pk}", read_proposal(draft), defects)
    opinion = Opinion(f"draft-{draft.pk}", label, draft.critic, axes, is_draft=True, version=draft.clip_version)
    return ItemDraft(draft, opinion, tuple(one for one in ratings if one.rating.draft_id == draft.pk))


def make_proposal_opinions(key: str, proposal: Proposal, defects: dict[str, str]) -> tuple[AxisOpinion, ...]:
    """Return what a proposal says of each axis; `defects` has the words of each defect id, `key` begins their ids."""
    proposed = proposal.axes
    return tuple(_make_proposal_opinion(key, axis, proposed.get(axis), defects) for axis in AXES)


def _make_proposal_opinion(key: str, axis: Axis, proposed: AxisProposal | None, defects: dict[str, str]) -> AxisOpinion:
    if proposed is None:
        return AxisOpinion(axis, None, (), "", is_proposed=False)
    pieces = _make_pieces(key, axis, proposed.evidence or (), defects)
    names_defects = proposed.evidence is not None
    return AxisOpinion(axis, proposed.score, pieces, proposed.reason, note=proposed.note, names_defects=names_defects)


def _make_item_review(review: Review, label: str, defects: dict[str, str], *, is_undone: bool) -> ItemReview:
    axes = _make_card_opinions(f"review-{review.pk}", review.card, defects)
    version = review.clip_version
    opinion = Opinion(f"review-{review.pk}", label, str(review.reviewer), axes, version=version)
    return ItemReview(review, opinion, is_undone)


def _make_card_opinions(key: str, stored: object, defects: dict[str, str]) -> tuple[AxisOpinion, ...]:
    card = card_from_json(stored)
    return tuple(
        AxisOpinion(
            axis,
            card.axis(axis).score,
            _make_pieces(key, axis, card.axis(axis).evidence, defects),
            card.axis(axis).reason,
        )
        for axis in AXES
    )


def _make_pieces(
    key: str, axis: Axis, evidence: Iterable[report_card.Evidence], defects: dict[str, str]
) -> tuple[Piece, ...]:
    return tuple(
        Piece(f"{key}-{axis}-{number}", axis, defects.get(piece.defect, piece.defect), piece.time, piece.box)
        for number, piece in enumerate(evidence, start=1)
    )
