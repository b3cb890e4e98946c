"""The engineer's JSON API of releases: list, detail, freeze (as a job), and files of a frozen release by byte range."""

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
from datasets.services.releases import locate_release, request_release
from datasets.services.withdrawal import MAX_REASON_LENGTH, withdraw_release
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
        job = release.job
        if job is None:
            return None
        return {"id": str(job.pk), "state": job.state, "progress": job.progress, "error": job.error}


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
        path = folder / name
        file_stat = path.stat()
        suffix = path.suffix.lower()
        media = MediaFile(
            path, file_stat.st_size, file_stat.st_mtime, _TYPES.get(suffix, "application/octet-stream"), suffix
        )
        return serve(request._request, media, filename=path.name, download=True)
