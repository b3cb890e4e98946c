"""Requests and responses of the API of ratings and of the slots that raters hold."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from annotation.api.base import JSON
from annotation.models import Arm, Draft, Rating, Skip, Slot
from annotation.rating.drafts import find_shown_draft, list_visible_axes
from annotation.rating.queue import REASON_LIMIT
from annotation.rating.rating_sql import LARGEST_KEY
from annotation.rating.ratings import LONGEST_SECONDS


class AnswerSerializer(serializers.Serializer[Any]):
    """One axis of a rating. `evidence` is empty if the rater answered "no defect".

    `exposure` is "none" if the rater saw no draft of this axis. `draft_edit_distance` is null if no reason was drafted.
    """

    axis = serializers.CharField()
    score = serializers.IntegerField()
    evidence = serializers.JSONField()
    reason = serializers.CharField()
    exposure = serializers.CharField()
    draft_use = serializers.CharField()
    draft_edit_distance = serializers.IntegerField(allow_null=True)


class RatingSerializer(serializers.ModelSerializer[Rating]):
    """The rating of one item by one rater, by its current revision."""

    clip_id = serializers.CharField(source="item.clip.clip_id")
    rater = serializers.CharField(source="rater.username")
    critic = serializers.CharField(source="draft.critic", default=None, allow_null=True)
    revision = serializers.SerializerMethodField()
    seconds_spent = serializers.FloatField(source="seconds", help_text="Of the first submit and all edits.")
    answers = serializers.SerializerMethodField()

    class Meta:
        model = Rating
        fields = (
            "id",
            "item",
            "clip_id",
            "rater",
            "arm",
            "exposure",
            "critic",
            "is_simulated",
            "created_at",
            "revision",
            "seconds_spent",
            "answers",
        )
        read_only_fields = fields

    def get_revision(self, rating: Rating) -> int:
        return next(revision.number for revision in rating.revisions.all())

    def get_answers(self, rating: Rating) -> list[JSON]:
        rows = [answer for revision in rating.revisions.all() for answer in revision.answers.all()]
        return [dict(row) for row in AnswerSerializer(rows, many=True).data]


class DraftSerializer(serializers.ModelSerializer[Draft]):
    """A critic's proposal: `{axis: {"score", "evidence", "reason", "note"}}` of the axes of which it says something.

    A score is null if the critic gives none or the campaign does not show scores; an axis that would have nothing else
    is then absent. `evidence` is empty for "no defect", and null if the critic says nothing of defects. `note` says
    what was measured and by which threshold; it is absent if the critic gives none.
    """

    proposal = serializers.SerializerMethodField()

    class Meta:
        model = Draft
        fields = ("id", "critic", "proposal")
        read_only_fields = fields

    def get_proposal(self, draft: Draft) -> JSON:
        campaign = self.context["campaign"]
        shows = campaign.shows_draft_scores
        visible = list_visible_axes(draft, campaign)
        return {
            axis: {**one, "score": one["score"] if shows else None}
            for axis, one in draft.proposal.items()
            if axis in visible
        }


@extend_schema_serializer(component_name="Seat")
class SlotSerializer(serializers.ModelSerializer[Slot]):
    """A slot that a rater holds, by its `lease`. A submit and a skip also name the `item`, if the lease is lost."""

    clip = serializers.IntegerField(source="item.clip.pk")
    prompt = serializers.CharField(source="item.clip.prompt")
    duration = serializers.FloatField(source="item.clip.duration")
    content_warning = serializers.CharField(source="item.clip.content_warning")
    draft = serializers.SerializerMethodField()

    class Meta:
        model = Slot
        fields = (
            "lease",
            "lease_expires_at",
            "item",
            "clip",
            "prompt",
            "duration",
            "content_warning",
            "draft",
        )
        read_only_fields = fields

    def get_draft(self, slot: Slot) -> JSON | None:
        assert slot.rater is not None
        draft, _exposure = find_shown_draft(slot.rater, slot.item_id) if slot.arm == Arm.ASSISTED else (None, "")
        if draft is None:
            return None
        return dict(DraftSerializer(draft, context={"campaign": slot.campaign}).data)


class RenewSerializer(serializers.Serializer[Any]):
    item = serializers.IntegerField(source="item_id", min_value=1, max_value=LARGEST_KEY, required=False)


class LeaseEndSerializer(serializers.Serializer[Any]):
    lease_expires_at = serializers.DateTimeField()


class SkipSerializer(serializers.Serializer[Any]):
    item = serializers.IntegerField(source="item_id", min_value=1, max_value=LARGEST_KEY)
    kind = serializers.ChoiceField(Skip.Kind.choices)
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=REASON_LIMIT)


class SubmitSerializer(serializers.Serializer[Any]):
    """`answers` holds, for each axis, score, evidence or no_defect, and reason. The same `key` is never stored twice.

    The site knows which draft it gave you with the slot, and decides from your text and marks what became of it. A
    proposed axis that you leave as drafted needs `draft_use` "confirmed"; "cleared" means that you removed the draft
    first.
    """

    item = serializers.IntegerField(source="item_id", min_value=1, max_value=LARGEST_KEY)
    key = serializers.UUIDField()
    answers = serializers.DictField()
    viewing = serializers.DictField(required=False, default=dict)
    seconds_spent = serializers.FloatField(min_value=0, max_value=LONGEST_SECONDS)


class RatedSerializer(serializers.Serializer[Any]):
    rating = serializers.IntegerField()
