"""What a lead sets in a campaign, by script: its policy, its guidelines, the marks of items, scores for the order."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from annotation.api.endpoints import Guarded, read
from annotation.api.serializers import ItemSerializer, PolicySerializer
from annotation.campaigns import reports
from annotation.campaigns.guidelines import Example, read_available_examples, read_examples, set_guidelines
from annotation.campaigns.marking import Mark, mark_item, read_mark, set_order_scores, set_priority
from annotation.campaigns.policy import update_policy
from annotation.models import Campaign, Clip, Guideline, Item
from annotation.raters.admission import list_readable_campaigns
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL
from qsave.words import isolate


class ExampleSerializer(serializers.Serializer[Any]):
    """A clip of the campaign that shows a level of an axis."""

    axis = serializers.ChoiceField([axis.value for axis in AXES])
    level = serializers.IntegerField(min_value=MIN_LEVEL, max_value=MAX_LEVEL)
    clip_id = serializers.CharField(max_length=200)
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=300)


class GuidelinesSerializer(serializers.Serializer[Any]):
    """One version of the guidelines. Without `examples` a new version keeps those of the one before."""

    number = serializers.IntegerField(read_only=True)
    text = serializers.CharField(max_length=100_000, trim_whitespace=False)
    examples = ExampleSerializer(many=True, required=False)


class MarksSerializer(serializers.Serializer[Any]):
    """What is said of an item; what is left out stays. `scores` holds known scores by axis."""

    mark = serializers.ChoiceField(Mark.choices, required=False)
    scores = serializers.DictField(child=serializers.FloatField(), required=False)
    feedback = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    priority = serializers.IntegerField(required=False)


class ExclusionSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=1000)


class OrderScoresSerializer(serializers.Serializer[Any]):
    """Scores by clip_id; null takes one away."""

    scores = serializers.DictField(child=serializers.FloatField(allow_null=True))


class ChangedSerializer(serializers.Serializer[Any]):
    changed = serializers.IntegerField()


class PolicyView(Guarded):
    @extend_schema(responses=PolicySerializer)
    def get(self, request: Request, name: str) -> Response:
        """The settings of a campaign."""
        return Response(PolicySerializer(get_object_or_404(Campaign, name=name)).data)

    @extend_schema(request=PolicySerializer, responses=PolicySerializer)
    def patch(self, request: Request, name: str) -> Response:
        """Changes settings; 400 names each that does not fit, and then none has changed."""
        campaign = get_object_or_404(Campaign, name=name)
        changes = read(PolicySerializer(data=request.data, partial=True))
        return Response(PolicySerializer(update_policy(actor=self.actor, campaign=campaign, **changes)).data)


class GuidelinesView(Guarded):
    required_role: ClassVar = {"GET": Role.ANNOTATOR, "POST": Role.LEAD}

    @extend_schema(responses={200: GuidelinesSerializer, 404: None})
    def get(self, request: Request, name: str) -> Response:
        """The newest version; 404 while there is none. Only leads see examples that are held back or excluded."""
        campaign = get_object_or_404(list_readable_campaigns(self.actor), name=name)
        newest = get_object_or_404(campaign.guidelines.order_by("-number")[:1])
        is_lead = self.actor.has_role(Role.LEAD)
        return Response(_to_json(newest, read_examples(newest) if is_lead else read_available_examples(newest)))

    @extend_schema(request=GuidelinesSerializer, responses={201: GuidelinesSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Makes the next version; the same text and examples again make none and return the one that stands."""
        campaign = get_object_or_404(Campaign, name=name)
        asked = read(GuidelinesSerializer(data=request.data))
        examples = _examples(campaign, asked["examples"]) if "examples" in asked else None
        made = set_guidelines(actor=self.actor, campaign=campaign, text=asked["text"], examples=examples)
        return Response(_to_json(made, read_examples(made)), status=201)


def _to_json(guideline: Guideline, examples: list[Example]) -> dict[str, Any]:
    rows = [
        {"axis": axis, "level": level, "clip_id": clip.clip_id, "note": note} for axis, level, clip, note in examples
    ]
    return {"number": guideline.number, "text": guideline.text, "examples": rows}


def _examples(campaign: Campaign, asked: list[dict[str, Any]]) -> list[Example]:
    clips = Clip.objects.filter(items__campaign=campaign, clip_id__in=[one["clip_id"] for one in asked])
    known = {clip.clip_id: clip for clip in clips}
    missing = sorted({one["clip_id"] for one in asked} - known.keys())
    if missing:
        raise ValidationError(
            {"examples": _("%(clip)s: no such clip in this campaign.") % {"clip": isolate(missing[0])}}
        )
    return [Example(one["axis"], one["level"], known[one["clip_id"]], one["note"]) for one in asked]


class ItemView(Guarded):
    @extend_schema(responses=ItemSerializer)
    def get(self, request: Request, name: str, pk: int) -> Response:
        """One clip of a campaign with its marks."""
        return Response(ItemSerializer(_item(name, pk)).data)

    @extend_schema(request=MarksSerializer, responses=ItemSerializer)
    def patch(self, request: Request, name: str, pk: int) -> Response:
        """Marks a clip as gold, as part of the qualification or as plain, and sets its priority."""
        item, asked = _item(name, pk), read(MarksSerializer(data=request.data))
        with transaction.atomic():
            if asked.keys() & {"mark", "scores", "feedback"}:
                marks: dict[str, Any] = {
                    "mark": read_mark(item).value,
                    "scores": item.gold or {},
                    "feedback": item.feedback,
                } | asked
                marks.pop("priority", None)
                mark_item(actor=self.actor, item=item, **marks)
            if "priority" in asked:
                set_priority(actor=self.actor, item=item, priority=asked["priority"])
        return Response(ItemSerializer(_item(name, pk)).data)


class GiveOutView(Guarded):
    @extend_schema(request=None, responses=ItemSerializer)
    def post(self, request: Request, name: str, pk: int) -> Response:
        """Gives a clip that is held back or excluded out again, and settles its reports."""
        reports.give_out_again(actor=self.actor, item=_item(name, pk))
        return Response(ItemSerializer(_item(name, pk)).data)


class ExcludeView(Guarded):
    @extend_schema(request=ExclusionSerializer, responses=ItemSerializer)
    def post(self, request: Request, name: str, pk: int) -> Response:
        """Excludes a clip: it is not given out, and figures and releases leave it out until it is given out again."""
        reason = read(ExclusionSerializer(data=request.data))["reason"]
        reports.exclude(actor=self.actor, item=_item(name, pk), reason=reason)
        return Response(ItemSerializer(_item(name, pk)).data)


def _item(name: str, pk: int) -> Item:
    return get_object_or_404(Item.objects.select_related("clip__prompt_group"), campaign__name=name, pk=pk)


class OrderScoresView(Guarded):
    @extend_schema(request=OrderScoresSerializer, responses=ChangedSerializer)
    def post(self, request: Request, name: str) -> Response:
        """Gives clips the scores that the campaign may put them in order by; all of them or, at a fault, none."""
        campaign = get_object_or_404(Campaign, name=name)
        scores = read(OrderScoresSerializer(data=request.data))["scores"]
        return Response({"changed": set_order_scores(actor=self.actor, campaign=campaign, scores=scores)})
