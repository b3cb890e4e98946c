"""The API of prompt groups: list them, merge, split and draw again, by the rules of their pages."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import KeyPagination, RoleView, read_values
from annotation.api.corrections import ReasonSerializer
from annotation.corrections.group_settling import MAX_GROUPS
from annotation.groups import acts
from annotation.groups.group_list import KINDS, STATES, make_rows, read_filter, select_groups
from annotation.models import GroupedPrompt, PromptGroup, Split
from annotation.rating.rating_sql import LARGEST_KEY

MAX_PROMPTS = 5000


class PromptGroupSerializer(serializers.Serializer[Any]):
    """A group: its name if a manifest gave one, and how many prompts and clips it has.

    `bridging` counts the clips that are near prompts of another split. `is_decided` groups can no longer change,
    because a rater was given one of their clips.
    """

    id = serializers.IntegerField(source="group.pk")
    title = serializers.CharField()
    name = serializers.CharField(source="group.name", allow_null=True)
    split = serializers.ChoiceField(source="group.split", choices=Split.choices)
    generator = serializers.CharField(source="group.generator")
    prompts = serializers.IntegerField()
    clips = serializers.IntegerField()
    bridging = serializers.IntegerField()
    is_decided = serializers.BooleanField()


class GroupedPromptSerializer(serializers.ModelSerializer[GroupedPrompt]):
    """A prompt of a group. A manifest named the group of a prompt that `is_named`, so it cannot leave."""

    class Meta:
        model = GroupedPrompt
        fields = ("id", "text", "is_named", "bridges_splits")


def _make_keys_field(most: int) -> serializers.ListField:
    key = serializers.IntegerField(min_value=1, max_value=LARGEST_KEY)
    return serializers.ListField(child=key, max_length=most)


class GroupsSerializer(ReasonSerializer):
    """Groups by their ids, and why they change."""

    groups = _make_keys_field(MAX_GROUPS)


class SplitGroupSerializer(ReasonSerializer):
    """The ids of the prompts that move into a new group, and why."""

    prompts = _make_keys_field(MAX_PROMPTS)


class DrawnSerializer(serializers.Serializer[Any]):
    """How many of the groups are in each split now."""

    train = serializers.IntegerField()
    val = serializers.IntegerField()
    test = serializers.IntegerField()


class PromptGroupsView(RoleView, ListAPIView[PromptGroup]):
    """List the prompt groups of the site, the oldest first."""

    serializer_class = PromptGroupSerializer
    pagination_class = KeyPagination

    @extend_schema(
        parameters=[
            OpenApiParameter("words", OpenApiTypes.STR),
            OpenApiParameter("split", OpenApiTypes.STR, enum=Split.values),
            OpenApiParameter("kind", OpenApiTypes.STR, enum=KINDS),
            OpenApiParameter("state", OpenApiTypes.STR, enum=STATES),
        ]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the groups that fit all of the filters; `words` are some of a prompt or of the name."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(PromptGroupSerializer(make_rows(list(page or ())), many=True).data)

    def get_queryset(self) -> QuerySet[PromptGroup]:
        query = self.request.query_params
        allowed: dict[str, Sequence[str]] = {"split": Split.values, "kind": KINDS, "state": STATES}
        problems = {
            name: [_("One of: %(values)s.") % {"values": ", ".join(values)}]
            for name, values in allowed.items()
            if query.get(name, "") not in ("", *values)
        }
        if problems:
            raise serializers.ValidationError(problems)
        return select_groups(read_filter(query))


class PromptGroupView(RoleView):
    @extend_schema(responses=PromptGroupSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Show a group."""
        return _respond(get_object_or_404(PromptGroup, pk=pk))


class GroupedPromptsView(RoleView, ListAPIView[GroupedPrompt]):
    """List the prompts of a group."""

    serializer_class = GroupedPromptSerializer
    pagination_class = KeyPagination

    def get_queryset(self) -> QuerySet[GroupedPrompt]:
        return get_object_or_404(PromptGroup, pk=self.kwargs["pk"]).prompts.all()


class MergeGroupsView(RoleView):
    @extend_schema(request=GroupsSerializer, responses=PromptGroupSerializer)
    def post(self, request: Request) -> Response:
        """Make one group of several, with the split of the oldest or of the one that a manifest names."""
        return _respond(acts.merge_groups(actor=self.actor, **read_values(GroupsSerializer(data=request.data))))


class SplitGroupView(RoleView):
    @extend_schema(request=SplitGroupSerializer, responses=PromptGroupSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Move prompts with their clips into a new group of the same split, and show it."""
        group = get_object_or_404(PromptGroup, pk=pk)
        values = read_values(SplitGroupSerializer(data=request.data))
        return _respond(acts.split_group(actor=self.actor, group=group.pk, **values))


class RedrawGroupsView(RoleView):
    @extend_schema(request=GroupsSerializer, responses=DrawnSerializer)
    def post(self, request: Request) -> Response:
        """Draw the splits of groups again, by the shares and by what the other groups have."""
        return Response(acts.redraw_groups(actor=self.actor, **read_values(GroupsSerializer(data=request.data))))


def _respond(group: PromptGroup) -> Response:
    return Response(PromptGroupSerializer(make_rows([group])[0]).data)
