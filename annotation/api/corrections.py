"""The API of corrections of a clip: its values, its file, its withdrawal, and the way back."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import JobSerializer, RoleView, read_values
from annotation.api.campaign_serializers import ItemSerializer
from annotation.corrections.correct import correct_clip
from annotation.corrections.held_out import explain_hold_out
from annotation.corrections.records import MAX_REASON_LENGTH
from annotation.corrections.uploads import request_replacement
from annotation.corrections.withdrawal import restore_clip, withdraw_clips
from annotation.models import Item
from annotation.shared.clip_holders import list_holders


class ReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=MAX_REASON_LENGTH)


class CorrectionSerializer(ReasonSerializer):
    """The new values of a clip; a field that is left out does not change. `metadata` replaces all metadata."""

    generator = serializers.CharField(required=False)
    seed = serializers.CharField(required=False, allow_blank=True)
    content_warning = serializers.CharField(required=False, allow_blank=True)
    metadata = serializers.DictField(required=False)
    prompt = serializers.CharField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        unknown = set(self.initial_data) - set(self.fields)
        if unknown:
            raise serializers.ValidationError(dict.fromkeys(unknown, _("A clip has no such value.")))
        return attrs


class FileSerializer(ReasonSerializer):
    video = serializers.FileField(allow_empty_file=True)


class WithdrawnSerializer(serializers.Serializer[Any]):
    """The withdrawn clip, and the names of the frozen releases that hold it."""

    item = ItemSerializer()
    releases = serializers.ListField(child=serializers.CharField())


class CorrectedSerializer(ItemSerializer):
    """The clip with the values. `remark` says why a clip of a held-out generator is not in test."""

    remark = serializers.SerializerMethodField()

    class Meta(ItemSerializer.Meta):
        fields: tuple[str, ...] = (*ItemSerializer.Meta.fields, "remark")

    def get_remark(self, item: Item) -> str:
        return explain_hold_out(item.clip)


class CorrectView(RoleView):
    @extend_schema(request=CorrectionSerializer, responses=CorrectedSerializer)
    def post(self, request: Request, name: str, pk: int) -> Response:
        """Correct a clip and show the one that has the values.

        Once a rater was given the clip, another prompt makes a new clip and withdraws this one.
        """
        item = find_item(name, pk)
        values = read_values(CorrectionSerializer(data=request.data))
        clip = correct_clip(actor=self.actor, clip=item.clip, reason=values.pop("reason"), values=values)
        corrected = Item.objects.filter(campaign=item.campaign, clip=clip).first() or item
        return Response(CorrectedSerializer(find_item(name, corrected.pk)).data)


class ReplaceFileView(RoleView):
    parser_classes = (MultiPartParser,)

    @extend_schema(request={"multipart/form-data": FileSerializer}, responses={202: JobSerializer})
    def post(self, request: Request, name: str, pk: int) -> Response:
        """Replace the file of a clip. A job prepares it; ratings of the earlier file do not count any more."""
        item = find_item(name, pk)
        values = read_values(FileSerializer(data=request.data))
        job = request_replacement(actor=self.actor, clip=item.clip, upload=values["video"], reason=values["reason"])
        return Response(JobSerializer(job).data, status=status.HTTP_202_ACCEPTED)


class WithdrawView(RoleView):
    @extend_schema(request=ReasonSerializer, responses=WithdrawnSerializer)
    def post(self, request: Request, name: str, pk: int) -> Response:
        """Withdraw a clip from the site: no queue, list, figure or new release has it until it is restored."""
        item = find_item(name, pk)
        reason = read_values(ReasonSerializer(data=request.data))["reason"]
        withdraw_clips(actor=self.actor, clips=[item.clip], reason=reason)
        holders = [holder.name for holder in list_holders([item.clip])]
        return Response({"item": ItemSerializer(find_item(name, pk)).data, "releases": holders})


class RestoreView(RoleView):
    @extend_schema(request=ReasonSerializer, responses=ItemSerializer)
    def post(self, request: Request, name: str, pk: int) -> Response:
        """Restore a withdrawn clip as it was before."""
        item = find_item(name, pk)
        reason = read_values(ReasonSerializer(data=request.data))["reason"]
        restore_clip(actor=self.actor, clip=item.clip, reason=reason)
        return Response(ItemSerializer(find_item(name, pk)).data)


def find_item(name: str, pk: int) -> Item:
    items = Item.objects.select_related("campaign", "clip__prompt_group", "clip__successor")
    return get_object_or_404(items, campaign__name=name, pk=pk)
