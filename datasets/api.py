"""The engineer's JSON API of releases: list, detail, freeze (as a job), and files of a frozen release by byte range."""

from pathlib import Path
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
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
from annotation.rating.clip_media import MediaFile, serve
from datasets.models import Release
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from datasets.services.presets import PresetState, find_preset_file, list_presets, request_preset
from datasets.services.releases import locate_release, request_release
from datasets.services.withdrawal import MAX_REASON_LENGTH, withdraw_release
from operations.models import Job
from qsave.release.manifest import MANIFEST_NAME, read_manifest
from qsave.words import isolate

_RELEASES = Release.objects.select_related("campaign", "parent", "job", "created_by")
_TYPES = {
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".png": "image/png",
    ".tar": "application/x-tar",
}


class ReleaseSerializer(serializers.ModelSerializer[Release]):
    """A release as scripts see it."""

    campaign = serializers.SlugRelatedField[Campaign](slug_field="name", read_only=True)
    parent_number = serializers.IntegerField(source="parent.number", default=None, read_only=True)
    created_by = serializers.SlugRelatedField[User](slug_field="username", read_only=True)
    job = serializers.SerializerMethodField()

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
            "job",
        )
        read_only_fields = fields

    def get_job(self, release: Release) -> dict[str, Any] | None:
        return describe_job(release.job)


class NewReleaseSerializer(serializers.Serializer[Any]):
    """The request for a release. `policy` holds choices of `ReleasePolicy`; those left out keep their defaults."""

    campaign = serializers.SlugRelatedField[Campaign](slug_field="name", queryset=Campaign.objects.all())
    name = serializers.CharField(max_length=80)
    policy = serializers.DictField(required=False, default=dict)


class EarlierFormat(exceptions.APIException):
    """This version does not serve the files of a release whose format it does not read."""

    status_code = status.HTTP_409_CONFLICT


class NewestFirst(CursorPagination):
    """Paginate by cursor, so that the last page of a long list costs no more than the first."""

    ordering = "-number"
    page_size = 50


class ReleasesView(ListAPIView[Release]):
    """GET lists the releases, newest first. POST freezes a new one and answers 202 with the release and its job."""

    permission_classes = (HasRole,)
    required_role = Role.ENGINEER
    queryset = _RELEASES
    serializer_class = ReleaseSerializer
    pagination_class = NewestFirst

    @extend_schema(request=NewReleaseSerializer, responses={202: ReleaseSerializer})
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
        return Response(ReleaseSerializer(release).data, status=status.HTTP_202_ACCEPTED)


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
    """Withdraw a frozen release: its row, number and folder stay, but its files are served no longer."""

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
        release = get_object_or_404(Release, number=number, state=Release.State.FROZEN)
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


class PresetFileView(APIView):
    """One file of a preset; `preset.json` names the files with rows, which name the pictures."""

    permission_classes = (HasRole,)
    required_role = Role.ENGINEER

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, number: int, preset: str, name: str) -> HttpResponseBase:
        release = get_object_or_404(Release, number=number, state=Release.State.FROZEN)
        path = find_preset_file(release, preset, name)
        if path is None:
            raise Http404(
                _("The preset %(preset)s of release %(number)s has no file %(name)s.")
                % {"preset": isolate(preset), "number": number, "name": isolate(name)}
            )
        return _serve_file(request, path)


class ReleaseFileView(APIView):
    """One file of a frozen release; `manifest.json` lists them all."""

    permission_classes = (HasRole,)
    required_role = Role.ENGINEER

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, number: int, name: str) -> HttpResponseBase:
        release = get_object_or_404(Release, number=number, state=Release.State.FROZEN)
        try:
            folder = locate_release(release)
        except ReleaseRefused as refusal:
            raise EarlierFormat(str(refusal)) from None
        # Only names in the manifest: a path from the request never reaches the file system unchecked.
        if name != MANIFEST_NAME and name not in read_manifest(folder)["files"]:
            raise Http404(_("Release %(number)s has no file %(name)s.") % {"number": number, "name": isolate(name)})
        return _serve_file(request, folder / name)


def describe_job(job: Job | None) -> dict[str, Any] | None:
    """Return what scripts see of a job."""
    if job is None:
        return None
    return {"id": str(job.pk), "state": job.state, "progress": job.progress, "error": job.error}


def _serve_file(request: Request, path: Path) -> HttpResponseBase:
    file_stat = path.stat()
    suffix = path.suffix.lower()
    media = MediaFile(
        path, file_stat.st_size, file_stat.st_mtime, _TYPES.get(suffix, "application/octet-stream"), suffix
    )
    return serve(request._request, media, filename=path.name, download=True)
