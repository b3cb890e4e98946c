"""The API that makes imports of clips: of sent files, of the site's import folder, of a server folder, of a bucket."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from django.conf import settings
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, status
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import JobSerializer, RoleView, read_values
from annotation.api.import_serializers import (
    BucketSourceSerializer,
    ImportSerializer,
    ServerFolderContentSerializer,
    ServerFolderSerializer,
    ServerSourceSerializer,
)
from annotation.intake import importing, uploads
from annotation.intake.archives import UploadRefused
from annotation.intake.folder_manifests import GeneratorMissing, Manifest
from annotation.intake.import_requests import request_bucket_import, request_server_import
from annotation.intake.server_folders import read_folder
from annotation.models import Campaign, ClipImport


class _NewImportView(RoleView):
    def respond(self, clip_import: ClipImport, applies_changes: bool) -> Response:
        """Start an import that has no preview, and answer with its job."""
        if clip_import.job is None:
            clip_import = importing.start_import(
                actor=self.actor, clip_import=clip_import, applies_changes=applies_changes
            )
        return Response({**JobSerializer(clip_import.job).data, "import": clip_import.pk}, status.HTTP_202_ACCEPTED)


class ImportView(_NewImportView):
    parser_classes = (JSONParser, MultiPartParser)

    @extend_schema(
        request={"application/json": ImportSerializer, "multipart/form-data": ImportSerializer},
        responses={202: JobSerializer},
    )
    def post(self, request: Request, name: str) -> Response:
        """Import clips, or with `preview` only read the rows. The answer is the job, with the key of the `import`."""
        campaign = get_object_or_404(Campaign, name=name)
        values = read_values(ImportSerializer(data=request.data))
        with name_refusals("files"):
            if "files" in values:
                manifest = uploads.receive_files(values["files"], generator=values["generator"])
                source = ClipImport.Source.UPLOAD
            else:
                path = find_manifest(values["manifest"])
                manifest, source = Manifest(path, "", path.name), ClipImport.Source.FOLDER
        clip_import = uploads.import_folder(
            actor=self.actor,
            campaign=campaign,
            source=source,
            manifest=manifest,
            has_preview=values["preview"],
            group_column=values["group_column"],
        )
        return self.respond(clip_import, values["applies_changes"])


class ServerImportView(_NewImportView):
    @extend_schema(parameters=[ServerFolderSerializer], responses=ServerFolderContentSerializer)
    def get(self, request: Request, name: str) -> Response:
        """List what is in a folder of the server; without `root` and `path`, in the first root."""
        get_object_or_404(Campaign, name=name)
        values = read_values(ServerFolderSerializer(data=request.query_params.dict()))
        with name_refusals("path"):
            folder = read_folder(**values)
        return Response({**asdict(folder), "roots": [root.name for root in settings.IMPORT_ROOTS]})

    @extend_schema(request=ServerSourceSerializer, responses={202: JobSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Import a folder of the server, or with `preview` only read its rows. The answer is as that of `import`."""
        campaign = get_object_or_404(Campaign, name=name)
        values = read_values(ServerSourceSerializer(data=request.data))
        has_preview, applies_changes = values.pop("preview"), values.pop("applies_changes")
        with name_refusals("path"):
            clip_import = request_server_import(actor=self.actor, campaign=campaign, has_preview=has_preview, **values)
        return self.respond(clip_import, applies_changes)


class BucketImportView(_NewImportView):
    @extend_schema(request=BucketSourceSerializer, responses={202: JobSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Import from a bucket, or with `preview` only read the rows. The answer is as that of `import`."""
        campaign = get_object_or_404(Campaign, name=name)
        values = read_values(BucketSourceSerializer(data=request.data))
        has_preview, applies_changes = values.pop("preview"), values.pop("applies_changes")
        with name_refusals("address"):
            clip_import = request_bucket_import(actor=self.actor, campaign=campaign, has_preview=has_preview, **values)
        return self.respond(clip_import, applies_changes)


@contextmanager
def name_refusals(field: str) -> Iterator[None]:
    """Turn a refusal of what is imported into an error of `field`, or of `generator` if that is missing."""
    try:
        yield
    except GeneratorMissing as refusal:
        raise exceptions.ValidationError({"generator": [str(refusal)]}) from None
    except UploadRefused as refusal:
        raise exceptions.ValidationError({field: [str(refusal)]}) from None


def get_import_root() -> Path:
    """Return the folder for manifests and videos that are imported by path."""
    return Path(settings.VAR_DIR) / "imports"


def find_manifest(name: str) -> Path:
    """Return the file `name` under the import folder; raise ValidationError if it does not exist or is outside."""
    root = get_import_root().resolve()
    try:
        path = (root / name).resolve()
        if path.is_relative_to(root) and path.is_file():
            return path
    except (OSError, ValueError):  # a name that no file can have
        pass
    raise exceptions.ValidationError({"manifest": [_("There is no such file in the site's import folder.")]})
