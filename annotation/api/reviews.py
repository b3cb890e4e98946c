"""The API of the review queue: the disputed clips, one of them with its cards, and each act of a lead.

`seen` is the `version` of the clip that the caller read. An act answers 409 if the clip has changed since, and says who
did what. The same act sent again with the same `seen` changes nothing and gives the same answer.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import AuditEntry
from annotation.agreement import review_acts
from annotation.agreement.clip_list import list_generators
from annotation.agreement.review_cards import read_cards
from annotation.agreement.review_order import QueueFilterForm, QueueRow, ReviewOrder
from annotation.agreement.review_version import Overtaken, Version, read_version
from annotation.agreement.reviews import NOTE_LIMIT, read_reviews_in_force
from annotation.api.base import Conflict, RoleView, read_values
from annotation.models import Campaign, Item, Review
from annotation.rating.rating_sql import LARGEST_KEY
from annotation.shared.text import parse_number
from qsave.report_card import (
    AxisReport,
    ReportCard,
    ReportCardError,
    card_from_json,
    card_to_json,
    evidence_to_json,
)
from qsave.splits import HELD_OUT

_NAMES = ("axis", "generator", "split", "reviewed", "after")


class SeenSerializer(serializers.Serializer[Any]):
    """The `version` of the clip that the caller has seen, and why they act."""

    seen = serializers.CharField(max_length=60)
    reason = serializers.CharField(max_length=NOTE_LIMIT, required=False, allow_blank=True, default="")


class RaterCardSerializer(SeenSerializer):
    """`rating` is one of the cards of the clip."""

    rating = serializers.IntegerField(min_value=1, max_value=LARGEST_KEY)


class OwnCardSerializer(SeenSerializer):
    """`card` is {axis: {score, evidence, reason}} for the three axes."""

    card = serializers.JSONField()

    def validate_card(self, value: object) -> ReportCard:
        try:
            return card_from_json(value)
        except (ReportCardError, OverflowError) as error:
            raise serializers.ValidationError(str(error)) from None


class RatingsSerializer(SeenSerializer):
    """`ratings` is the number of rating slots that the clip has then, rated ones included."""

    ratings = serializers.IntegerField()


class GoldSerializer(SeenSerializer):
    """`scores` has the known scores by axis."""

    scores = serializers.DictField(child=serializers.FloatField())


class UndoSerializer(serializers.Serializer[Any]):
    """The `entry` that an act returned."""

    entry = serializers.IntegerField(min_value=1, max_value=LARGEST_KEY)


class DoneSerializer(serializers.Serializer[Any]):
    """What an act did: its entry in the audit trail, the clip, and the version that the clip has now."""

    entry = serializers.IntegerField()
    item = serializers.IntegerField()
    version = serializers.CharField()


class ReviewView(RoleView):
    """A view that answers 409 if somebody acted on the clip meanwhile."""

    def handle_exception(self, exc: Exception) -> Response:
        return super().handle_exception(Conflict(str(exc)) if isinstance(exc, Overtaken) else exc)


class ReviewQueueView(ReviewView):
    @extend_schema(
        operation_id="campaigns_review_queue",
        parameters=[OpenApiParameter(name, str, required=False) for name in _NAMES],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, name: str) -> Response:
        """List disputed clips, the most disputed first, a page at a time; `next` is the `after` of the next page.

        Filters: `axis`, `generator`, `split`, and `reviewed` (`reviewed` or `all`; without it those not reviewed).
        """
        campaign = get_object_or_404(Campaign, name=name)
        form = QueueFilterForm(request.query_params, generators=list_generators(campaign))
        if not form.is_valid():
            raise exceptions.ValidationError(
                {name: [str(one) for one in errors] for name, errors in form.errors.items()}
            )
        page = ReviewOrder(campaign, form.read_filter()).read_page(parse_number(request.query_params.get("after", "")))
        return Response({"next": page.next, "results": [_row_to_json(row) for row in page.rows]})


class ReviewClipView(ReviewView):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, name: str, pk: int) -> Response:
        """Show the cards of the raters that count, the consensus of each axis (null without one), and the review.

        `version` goes with each act as `seen`. Drafts are not shown.
        """
        item = _find_item(name, pk)
        cards, review = read_cards(item), read_reviews_in_force([item.pk]).get(item.pk)
        split = item.clip.prompt_group.split
        return Response(
            {
                "item": item.pk,
                "clip_id": item.clip.clip_id,
                "prompt": item.clip.prompt,
                "split": split,
                "review_changes_target": split not in HELD_OUT,
                "version": str(read_version(item)),
                "cards": [
                    {"rating": one.rating.pk, "rater": one.name, "card": card_to_json(one.card)} for one in cards.raters
                ],
                "consensus": {axis.value: _report_to_json(report) for axis, report in cards.consensus.items()},
                "review": _review_to_json(review),
            }
        )


class ReviewActView(ReviewView):
    """An act on one disputed clip."""

    serializer_class: ClassVar[type[SeenSerializer]] = SeenSerializer
    act: ClassVar[Callable[..., AuditEntry]]

    def post(self, request: Request, name: str, pk: int) -> Response:
        item, values = _find_item(name, pk), read_values(self.serializer_class(data=request.data))
        seen = Version.parse(values.pop("seen"))
        return _answer(type(self).act(actor=self.actor, item=item, seen=seen, **values))


def _describe(request: type[SeenSerializer], name: str) -> Callable[[type[ReviewActView]], type[ReviewActView]]:
    post = extend_schema(operation_id=f"campaigns_review_{name}", request=request, responses=DoneSerializer)
    return extend_schema_view(post=post)


@_describe(SeenSerializer, "take_consensus")
class TakeConsensusView(ReviewActView):
    """Make the consensus of the raters the review."""

    act = staticmethod(review_acts.take_consensus)


@_describe(RaterCardSerializer, "take_card")
class TakeCardView(ReviewActView):
    """Make the card of a rater the review."""

    serializer_class = RaterCardSerializer
    act = staticmethod(review_acts.take_card)


@_describe(OwnCardSerializer, "write_card")
class WriteCardView(ReviewActView):
    """Make a card of one's own the review; it needs a reason."""

    serializer_class = OwnCardSerializer
    act = staticmethod(review_acts.write_card)


@_describe(RatingsSerializer, "ask_for_ratings")
class AskForRatingsView(ReviewActView):
    """Open free rating slots; it needs a reason."""

    serializer_class = RatingsSerializer
    act = staticmethod(review_acts.ask_for_ratings)


@_describe(GoldSerializer, "make_gold")
class MakeGoldView(ReviewActView):
    """Mark the clip as a gold with known scores; it needs a reason."""

    serializer_class = GoldSerializer
    act = staticmethod(review_acts.make_gold)


@_describe(SeenSerializer, "exclude")
class ExcludeFromReviewView(ReviewActView):
    """Exclude the clip; it needs a reason."""

    act = staticmethod(review_acts.exclude)


class UndoView(ReviewView):
    @extend_schema(operation_id="campaigns_review_undo", request=UndoSerializer, responses=DoneSerializer)
    def post(self, request: Request, name: str) -> Response:
        """Undo an act, if nobody has acted on its clip since."""
        campaign = get_object_or_404(Campaign, name=name)
        entry = read_values(UndoSerializer(data=request.data))["entry"]
        return _answer(review_acts.undo_act(actor=self.actor, campaign=campaign, entry=entry))


def _answer(entry: AuditEntry) -> Response:
    item = Item.objects.select_related("campaign", "clip").get(pk=entry.target_id)
    return Response({"entry": entry.pk, "item": item.pk, "version": str(read_version(item))})


def _find_item(name: str, pk: int) -> Item:
    items = Item.objects.select_related("campaign", "clip__prompt_group", "summary")
    return get_object_or_404(items, campaign__name=name, pk=pk)


def _row_to_json(row: QueueRow) -> dict[str, Any]:
    summary = row.summary
    return {
        "item": summary.pk,
        "clip_id": summary.item.clip.clip_id,
        "dispute": row.dispute,
        "generator": summary.generator,
        "split": summary.split,
        "ratings": summary.rating_count,
        "is_reviewed": summary.is_reviewed,
        "axes": {
            axis.value: {"gap": gap, "has_consensus": not is_split, "contested_defects": contested}
            for axis, gap, is_split, contested in row.axes
        },
    }


def _report_to_json(report: AxisReport | None) -> dict[str, Any] | None:
    if report is None:
        return None
    return {"score": report.score, "evidence": evidence_to_json(report.evidence), "reason": report.reason}


def _review_to_json(review: Review | None) -> dict[str, Any] | None:
    if review is None:
        return None
    return {"reviewer": str(review.reviewer), "card": review.card, "note": review.note, "at": review.created_at}
