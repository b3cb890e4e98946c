"""The API of what a lead sets in a campaign: policy, guidelines, marks of items, and scores for the order."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from annotation.api.base import RoleView, read_values
from annotation.api.campaign_serializers import ItemSerializer, PolicySerializer
from annotation.campaigns import reports
from annotation.campaigns.guidelines import (
    MAX_NOTE_LENGTH,
    MAX_TEXT_LENGTH,
    Example,
    read_available_examples,
    read_examples,
    set_guidelines,
)
from annotation.campaigns.marking import MAX_FEEDBACK_LENGTH, Mark, mark_item, set_order_scores
from annotation.campaigns.policy import update_policy
from annotation.models import Campaign, Clip, Guideline, Item
from annotation.raters.admission import list_readable_campaigns
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL
from qsave.words import isolate


class ExampleSerializer(serializers.Serializer[Any]):
    """A clip of the campaign as an example of a level of an axis."""

    axis = serializers.ChoiceField([axis.value for axis in AXES])
    level = serializers.IntegerField(min_value=MIN_LEVEL, max_value=MAX_LEVEL)
    clip_id = serializers.CharField(max_length=200)
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=MAX_NOTE_LENGTH)


class GuidelinesSerializer(serializers.Serializer[Any]):
    """One version of the guidelines. Without `examples` a new version keeps those of the version before."""

    number = serializers.IntegerField(read_only=True)
    text = serializers.CharField(max_length=MAX_TEXT_LENGTH, trim_whitespace=False)
    examples = ExampleSerializer(many=True, required=False)


class MarksSerializer(serializers.Serializer[Any]):
    """The marks of an item; a field that is left out does not change. `scores` holds known scores by axis."""

    mark = serializers.ChoiceField(Mark.choices, required=False)
    scores = serializers.DictField(child=serializers.FloatField(), required=False)
    feedback = serializers.CharField(required=False, allow_blank=True, max_length=MAX_FEEDBACK_LENGTH)
    priority = serializers.IntegerField(required=False)


class ExclusionSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=reports.MAX_REASON_LENGTH)


class ReturnSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class OrderScoresSerializer(serializers.Serializer[Any]):
    """Scores by clip_id; null removes a score."""

    scores = serializers.DictField(child=serializers.FloatField(allow_null=True))


class ChangedSerializer(serializers.Serializer[Any]):
    changed = serializers.IntegerField()


class PolicyView(RoleView):
    @extend_schema(responses=PolicySerializer)
    def get(self, request: Request, name: str) -> Response:
        """Show the settings of a campaign."""
        return Response(PolicySerializer(get_object_or_404(Campaign, name=name)).data)

    @extend_schema(request=PolicySerializer, responses=PolicySerializer)
    def patch(self, request: Request, name: str) -> Response:
        """Change settings; 400 names each invalid one, and none is changed."""
        campaign = get_object_or_404(Campaign, name=name)
        changes = read_values(PolicySerializer(data=request.data, partial=True))
        return Response(PolicySerializer(update_policy(actor=self.actor, campaign=campaign, **changes)).data)


class GuidelinesView(RoleView):
    required_role: ClassVar = {"GET": Role.ANNOTATOR, "POST": Role.LEAD}

    @extend_schema(responses={200: GuidelinesSerializer, 404: None})
    def get(self, request: Request, name: str) -> Response:
        """Show the newest version, or 404 without one. Only leads see examples that are held back or excluded."""
        campaign = get_object_or_404(list_readable_campaigns(self.actor), name=name)
        newest = get_object_or_404(campaign.guidelines.order_by("-number")[:1])
        is_lead = self.actor.has_role(Role.LEAD)
        return Response(_to_json(newest, read_examples(newest) if is_lead else read_available_examples(newest)))

    @extend_schema(request=GuidelinesSerializer, responses={201: GuidelinesSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Create the next version. The same text and examples as before return the current version."""
        campaign = get_object_or_404(Campaign, name=name)
        values = read_values(GuidelinesSerializer(data=request.data))
        examples = _find_examples(campaign, values["examples"]) if "examples" in values else None
        guideline = set_guidelines(actor=self.actor, campaign=campaign, text=values["text"], examples=examples)
        return Response(_to_json(guideline, read_examples(guideline)), status=201)


def _to_json(guideline: Guideline, examples: list[Example]) -> dict[str, Any]:
    rows = [
        {"axis": axis, "level": level, "clip_id": clip.clip_id, "note": note} for axis, level, clip, note in examples
    ]
    return {"number": guideline.number, "text": guideline.text, "examples": rows}


def _find_examples(campaign: Campaign, rows: list[dict[str, Any]]) -> list[Example]:
    clips = Clip.objects.filter(items__campaign=campaign, clip_id__in=[row["clip_id"] for row in rows])
    by_id = {clip.clip_id: clip for clip in clips}
    missing = sorted({row["clip_id"] for row in rows} - by_id.keys())
    if missing:
        raise ValidationError(
            {"examples": _("There is no clip %(clip)s in this campaign.") % {"clip": isolate(missing[0])}}
        )
    return [Example(row["axis"], row["level"], by_id[row["clip_id"]], row["note"]) for row in rows]


class ItemView(RoleView):
    @extend_schema(responses=ItemSerializer)
    def get(self, request: Request, name: str, pk: int) -> Response:
        """Show one clip of a campaign with its marks."""
        return Response(ItemSerializer(_find_item(name, pk)).data)

    @extend_schema(request=MarksSerializer, responses=ItemSerializer)
    def patch(self, request: Request, name: str, pk: int) -> Response:
        """Mark a clip as gold, qualification or plain, and set its priority."""
        marks = read_values(MarksSerializer(data=request.data))
        mark_item(actor=self.actor, item=_find_item(name, pk), **marks)
        return Response(ItemSerializer(_find_item(name, pk)).data)


class GiveOutView(RoleView):
    @extend_schema(request=ReturnSerializer, responses=ItemSerializer)
    def post(self, request: Request, name: str, pk: int) -> Response:
        """Make a held-back or excluded clip available again, and settle its reports. An excluded one needs a reason."""
        reason = read_values(ReturnSerializer(data=request.data))["reason"]
        reports.give_out_again(actor=self.actor, item=_find_item(name, pk), reason=reason)
        return Response(ItemSerializer(_find_item(name, pk)).data)


class ExcludeView(RoleView):
    @extend_schema(request=ExclusionSerializer, responses=ItemSerializer)
    def post(self, request: Request, name: str, pk: int) -> Response:
        """Exclude a clip: the queue, figures and releases leave it out until it is made available again."""
        reason = read_values(ExclusionSerializer(data=request.data))["reason"]
        reports.exclude(actor=self.actor, item=_find_item(name, pk), reason=reason)
        return Response(ItemSerializer(_find_item(name, pk)).data)


def _find_item(name: str, pk: int) -> Item:
    return get_object_or_404(
        Item.objects.select_related("clip__prompt_group", "clip__successor"), campaign__name=name, pk=pk
    )


class OrderScoresView(RoleView):
    @extend_schema(request=OrderScoresSerializer, responses=ChangedSerializer)
    def post(self, request: Request, name: str) -> Response:
        """Store scores by which the campaign may order its clips. If one is invalid, store none of them."""
        campaign = get_object_or_404(Campaign, name=name)
        scores = read_values(OrderScoresSerializer(data=request.data))["scores"]
        return Response({"changed": set_order_scores(actor=self.actor, campaign=campaign, scores=scores)})
