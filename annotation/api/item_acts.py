"""The API of acts on many clips of a campaign at once. One bad clip does not stop the others: the answer names it."""

from collections.abc import Callable
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import RoleView, read_values
from annotation.api.campaign_settings import ExclusionSerializer, MarksSerializer, ReturnSerializer
from annotation.api.corrections import ReasonSerializer
from annotation.campaigns import marking, more_ratings, reports
from annotation.campaigns.item_acts import MAX_ITEMS, Outcome, act_on_keys
from annotation.corrections.withdrawal import restore_items, withdraw_items
from annotation.models import Campaign
from annotation.rating.rating_sql import LARGEST_KEY


class KeysSerializer(serializers.Serializer[Any]):
    """The clips of the campaign to act on, by `item` as `GET .../items` lists them."""

    items = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST_KEY), min_length=1, max_length=MAX_ITEMS
    )


class ExclusionsSerializer(KeysSerializer, ExclusionSerializer):
    """Clips to exclude."""


class WithdrawalsSerializer(KeysSerializer, ReasonSerializer):
    """Clips to withdraw or to restore, and why."""


class ReturnsSerializer(KeysSerializer, ReturnSerializer):
    """Clips to give out again."""


class MarkAllSerializer(KeysSerializer, MarksSerializer):
    """The marks of all of them; a field that is left out does not change. `scores` are the same for all."""


class MoreRatingsSerializer(KeysSerializer):
    """`ratings`: as many rating slots as each clip gets at least, rated ones included."""

    ratings = serializers.IntegerField()


class LeftSerializer(serializers.Serializer[Any]):
    item = serializers.IntegerField()
    reason = serializers.CharField()


class OutcomeSerializer(serializers.Serializer[Any]):
    """The clips that changed, and those that were left as they are, with the reason. Others needed no change."""

    changed = serializers.ListField(child=serializers.IntegerField())
    left = LeftSerializer(many=True)


class ItemsActView(RoleView):
    """An act on a list of clips, each of which changes wholly or not at all."""

    serializer_class: type[KeysSerializer]
    act: Callable[..., Outcome]

    def post(self, request: Request, name: str) -> Response:
        campaign, values = get_object_or_404(Campaign, name=name), read_values(self.serializer_class(data=request.data))
        keys = values.pop("items")
        outcome = act_on_keys(campaign, keys, lambda items: type(self).act(actor=self.actor, items=items, **values))
        left = [{"item": key, "reason": reason} for key, reason in outcome.describe_left().items()]
        return Response({"changed": [item.pk for item in outcome.changed], "left": left})


def _describe(request: type[KeysSerializer], name: str) -> Callable[[type[ItemsActView]], type[ItemsActView]]:
    post = extend_schema(operation_id=f"campaigns_items_{name}", request=request, responses=OutcomeSerializer)
    return extend_schema_view(post=post)


@_describe(ExclusionsSerializer, "exclude_many")
class ExcludeItemsView(ItemsActView):
    """Exclude clips: the queue, figures and the next release leave them out."""

    serializer_class = ExclusionsSerializer
    act = staticmethod(reports.exclude_items)


@_describe(WithdrawalsSerializer, "withdraw_many")
class WithdrawItemsView(ItemsActView):
    """Withdraw clips from the site: no queue, list, figure or new release of any campaign has them."""

    serializer_class = WithdrawalsSerializer
    act = staticmethod(withdraw_items)


@_describe(WithdrawalsSerializer, "restore_many")
class RestoreItemsView(ItemsActView):
    """Restore withdrawn clips."""

    serializer_class = WithdrawalsSerializer
    act = staticmethod(restore_items)


@_describe(ReturnsSerializer, "give_out_many")
class GiveOutItemsView(ItemsActView):
    """Give out clips again that are held back or, with a reason, excluded."""

    serializer_class = ReturnsSerializer
    act = staticmethod(reports.give_out_items)


@_describe(MarkAllSerializer, "mark_many")
class MarkItemsView(ItemsActView):
    """Mark clips as gold, qualification or plain, and set their priority."""

    serializer_class = MarkAllSerializer
    act = staticmethod(marking.mark_items)


@_describe(MoreRatingsSerializer, "request_ratings")
class MoreRatingsView(ItemsActView):
    """Ask for more ratings of clips than the campaign's overlap gives them."""

    serializer_class = MoreRatingsSerializer
    act = staticmethod(more_ratings.request_ratings)
