"""The engineer's JSON API of releases: list, detail, freeze and withdraw, presets. `downloads` sends their files."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import HasRole
from accounts.models import Role, User
from annotation.models import Campaign
from datasets.models import Release
from datasets.preview_api import PolicyField
from datasets.served import get_served_release
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from datasets.services.presets import PresetState, list_presets, request_preset
from datasets.services.releases import request_release
from datasets.services.tombstones import make_tombstone
from datasets.services.withdrawal import MAX_REASON_LENGTH, withdraw_release
from operations.models import Job

_RELEASES = Release.objects.select_related("campaign", "parent", "job", "created_by")


class ReleaseSerializer(serializers.ModelSerializer[Release]):
    """A release as scripts see it."""

    campaign = serializers.SlugRelatedField[Campaign](slug_field="name", read_only=True)
    parent_number = serializers.IntegerField(source="parent.number", default=None, read_only=True)
    created_by = serializers.SlugRelatedField[User](slug_field="username", read_only=True)
    job = serializers.SerializerMethodField()
    tombstone = serializers.SerializerMethodField(help_text="What remains of a withdrawn release; null for others.")

    class Meta:
        model = Release
        fields = (
            "number",
            "name",
            "campaign",
            "parent_number",
            "state",
            "format",
            "policy",
            "counts",
            "content_hash",
            "is_simulated",
            "created_by",
            "created_at",
            "frozen_at",
            "withdrawn_at",
            "withdrawal_reason",
            "tombstone",
            "job",
        )
        read_only_fields = fields

    def get_job(self, release: Release) -> dict[str, Any] | None:
        return describe_job(release.job)

    def get_tombstone(self, release: Release) -> dict[str, Any] | None:
        return make_tombstone(release).to_json() if release.state == Release.State.WITHDRAWN else None


class NewReleaseSerializer(serializers.Serializer[Any]):
    """The request for a release."""

    campaign = serializers.SlugRelatedField[Campaign](slug_field="name", queryset=Campaign.objects.all())
    name = serializers.CharField(max_length=80)
    policy = PolicyField(required=False, default=dict)


class NewestFirst(CursorPagination):
    """Paginate by cursor, so that the last page of a long list costs no more than the first."""

    ordering = "-number"
    page_size = 50


class ReleasesView(ListAPIView[Release]):
    """GET lists the releases, newest first. POST freezes a new one and answers 202 with the release and its job; 200
    if the same request is being built already."""

    permission_classes = (HasRole,)
    required_role = Role.ENGINEER
    queryset = _RELEASES
    serializer_class = ReleaseSerializer
    pagination_class = NewestFirst

    @extend_schema(request=NewReleaseSerializer, responses={200: ReleaseSerializer, 202: ReleaseSerializer})
    def post(self, request: Request) -> Response:
        serializer = NewReleaseSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        assert isinstance(request.user, User)
        try:
            policy = ReleasePolicy.from_json(values["policy"])
            release = request_release(
                actor=request.user, campaign=values["campaign"], name=values["name"], policy=policy
            )
        except ReleaseRefused as refusal:
            raise exceptions.ValidationError({"detail": str(refusal)}) from None
        except PermissionDenied as refusal:
            raise exceptions.PermissionDenied(str(refusal)) from None
        code = status.HTTP_200_OK if release.is_requested_again else status.HTTP_202_ACCEPTED
        return Response(ReleaseSerializer(release).data, status=code)


class ReleaseView(RetrieveAPIView[Release]):
    """One release, by its number."""

    permission_classes = (HasRole,)
    required_role = Role.ENGINEER
    queryset = _RELEASES
    serializer_class = ReleaseSerializer
    lookup_field = "number"


class WithdrawalSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=MAX_REASON_LENGTH)


class WithdrawReleaseView(APIView):
    """Withdraw a frozen release: its row, its number and a tombstone stay, and its data is deleted."""

    permission_classes = (HasRole,)
    required_role = Role.ENGINEER

    @extend_schema(request=WithdrawalSerializer, responses=ReleaseSerializer)
    def post(self, request: Request, number: int) -> Response:
        serializer = WithdrawalSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        release = get_object_or_404(_RELEASES, number=number)
        assert isinstance(request.user, User)
        try:
            release = withdraw_release(actor=request.user, release=release, reason=serializer.validated_data["reason"])
        except ReleaseRefused as refusal:
            raise exceptions.ValidationError({"detail": str(refusal)}) from None
        return Response(ReleaseSerializer(release).data)


class PresetSerializer(serializers.Serializer[PresetState]):
    """A preset of a release. `rows` counts the rows of each file; it is null until the preset is written."""

    name = serializers.CharField(source="preset.name")
    title = serializers.CharField(source="preset.title")
    holds = serializers.CharField(source="preset.holds")
    leaves_out = serializers.CharField(source="preset.leaves_out")
    lines = serializers.CharField()
    rows = serializers.DictField(source="summary.rows", default=None)
    left_out = serializers.DictField(source="summary.left_out", default=None)
    job = serializers.SerializerMethodField()

    def get_job(self, state: PresetState) -> dict[str, Any] | None:
        return describe_job(state.job)


class NewPresetSerializer(serializers.Serializer[Any]):
    preset = serializers.CharField(max_length=80)


class PresetsView(APIView):
    """GET lists the presets of a frozen release. POST writes one as a job and answers 202 with it."""

    permission_classes = (HasRole,)
    required_role = Role.ENGINEER

    @extend_schema(responses=PresetSerializer(many=True))
    def get(self, request: Request, number: int) -> Response:
        release = get_served_release(number)
        return Response([PresetSerializer(state).data for state in list_presets(release)])

    @extend_schema(request=NewPresetSerializer, responses={202: PresetSerializer})
    def post(self, request: Request, number: int) -> Response:
        serializer = NewPresetSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        release = get_object_or_404(Release, number=number)
        assert isinstance(request.user, User)
        try:
            state = request_preset(actor=request.user, release=release, name=serializer.validated_data["preset"])
        except ReleaseRefused as refusal:
            raise exceptions.ValidationError({"detail": str(refusal)}) from None
        return Response(PresetSerializer(state).data, status=status.HTTP_202_ACCEPTED)


def describe_job(job: Job | None) -> dict[str, Any] | None:
    """Return what scripts see of a job."""
    if job is None:
        return None
    return {"id": str(job.pk), "state": job.state, "progress": job.progress, "error": job.error}
