"""The files of frozen releases and of their presets, for scripts: one by one or as one archive, by byte range."""

from functools import lru_cache
from pathlib import Path

from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api import HasRole
from accounts.models import Role
from annotation.rating.clip_media import MediaFile, serve
from datasets.served import get_served_release
from datasets.services.archive import Archive, archive_preset, archive_release
from datasets.services.policy import ReleaseRefused
from datasets.services.presets import find_preset_file
from datasets.services.releases import locate_release
from qsave.release.encoding import ReleaseError
from qsave.release.manifest import MANIFEST_NAME, read_manifest
from qsave.release.presets.write import SUMMARY_FILE
from qsave.splits import SPLITS
from qsave.words import isolate

_BYTES = {(200, "application/octet-stream"): OpenApiTypes.BINARY}
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


class CannotBeServed(exceptions.APIException):
    """The files of a release cannot be served: its format is an earlier one, or its folder is damaged."""

    status_code = status.HTTP_409_CONFLICT


class ArchiveQuery(serializers.Serializer[None]):
    """What an archive holds: one split or all of them, with or without the clips."""

    split = serializers.ChoiceField(SPLITS, required=False, default="")
    media = serializers.BooleanField(required=False, default=True)


class ReleaseFileView(APIView):
    """One file of a frozen release; `manifest.json` lists them all."""

    permission_classes = (HasRole,)
    required_role = Role.ENGINEER

    @extend_schema(responses=_BYTES)
    def get(self, request: Request, number: int, name: str) -> HttpResponseBase:
        release = get_served_release(number)
        try:
            folder = locate_release(release)
            names = _read_names(folder, (folder / MANIFEST_NAME).stat().st_mtime_ns)
        except (ReleaseRefused, ReleaseError, OSError) as refusal:
            raise CannotBeServed(str(refusal)) from None
        # Only names in the manifest: a path from the request never reaches the file system unchecked.
        if name != MANIFEST_NAME and name not in names:
            raise Http404(_("Release %(number)s has no file %(name)s.") % {"number": number, "name": isolate(name)})
        return _serve_file(request, folder / name)


class ReleaseArchiveView(APIView):
    """All files of a frozen release as one tar, or those of one split. A download resumes by byte range."""

    permission_classes = (HasRole,)
    required_role = Role.ENGINEER

    @extend_schema(parameters=[ArchiveQuery], responses={(200, "application/x-tar"): OpenApiTypes.BINARY})
    def get(self, request: Request, number: int) -> HttpResponseBase:
        query = ArchiveQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        release = get_served_release(number)
        try:
            archive = archive_release(release, **query.validated_data)
        except (ReleaseRefused, ReleaseError, OSError) as refusal:
            raise CannotBeServed(str(refusal)) from None
        return _serve_archive(request, archive, "-".join(filter(None, (archive.name, query.validated_data["split"]))))


class PresetFileView(APIView):
    """One file of a preset; `preset.json` says what it holds, `files.json` lists its files."""

    permission_classes = (HasRole,)
    required_role = Role.ENGINEER

    @extend_schema(responses=_BYTES)
    def get(self, request: Request, number: int, preset: str, name: str) -> HttpResponseBase:
        return _serve_file(request, _find_preset_file(number, preset, name))


class PresetArchiveView(APIView):
    """All files of a preset as one tar. A download resumes by byte range."""

    permission_classes = (HasRole,)
    required_role = Role.ENGINEER

    @extend_schema(responses={(200, "application/x-tar"): OpenApiTypes.BINARY})
    def get(self, request: Request, number: int, preset: str) -> HttpResponseBase:
        _find_preset_file(number, preset, SUMMARY_FILE)
        archive = archive_preset(get_served_release(number), preset)
        return _serve_archive(request, archive, archive.name)


@lru_cache(maxsize=4)
def _read_names(folder: Path, modified: int) -> frozenset[str]:
    """Return the names in a manifest. A pull of 10,000 clips would otherwise parse it as often."""
    return frozenset(read_manifest(folder)["files"])


def _find_preset_file(number: int, preset: str, name: str) -> Path:
    path = find_preset_file(get_served_release(number), preset, name)
    if path is None:
        raise Http404(
            _("The preset %(preset)s of release %(number)s has no file %(name)s, or it is not written yet.")
            % {"preset": isolate(preset), "number": number, "name": isolate(name)}
        )
    return path


def _serve_archive(request: Request, archive: Archive, name: str) -> HttpResponseBase:
    return serve(request._request, archive, filename=name, download=True)


def _serve_file(request: Request, path: Path) -> HttpResponseBase:
    file_stat = path.stat()
    suffix = path.suffix.lower()
    media = MediaFile(
        path, file_stat.st_size, file_stat.st_mtime, _TYPES.get(suffix, "application/octet-stream"), suffix
    )
    return serve(request._request, media, filename=path.name, download=True)
