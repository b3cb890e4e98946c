"""The API that makes imports of clips: of sent files, of the site's import folder, of a server folder, of a bucket."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import RoleView, read_values
from annotation.api.serializers import ImportSerializer, JobSerializer
from annotation.intake import importing, uploads
from annotation.intake.archives import UploadRefused
from annotation.intake.folder_manifests import GeneratorMissing, Manifest
from annotation.intake.forms import MOST_ROOTS
from annotation.intake.import_requests import request_bucket_import, request_server_import
from annotation.intake.manifests import MAX_LENGTHS
from annotation.intake.server_folders import read_folder
from annotation.models import Campaign, ClipImport


class _SourceSerializer(serializers.Serializer[Any]):
    generator = serializers.CharField(
        default="", allow_blank=True, max_length=MAX_LENGTHS["generator"], help_text="Of videos in no folder."
    )
    preview = serializers.BooleanField(default=False, help_text="The import waits to be started.")


class BucketSourceSerializer(_SourceSerializer):
    """A bucket, or a folder in it: `s3://videos/batch-7`."""

    address = serializers.CharField(max_length=1_000)


class ServerFolderSerializer(serializers.Serializer[Any]):
    """A folder by its path below the root with this number, from 0, of those that an operator names."""

    root = serializers.IntegerField(  # type: ignore[assignment]  # the metaclass takes it out of the class
        default=0, min_value=0, max_value=MOST_ROOTS
    )
    path = serializers.CharField(default="", allow_blank=True, max_length=4_000, trim_whitespace=False)


class ServerSourceSerializer(ServerFolderSerializer, _SourceSerializer):
    """A folder of the server to import."""


class ServerFolderContentSerializer(ServerFolderSerializer):
    """The names of the roots; the folders of one folder by name, and how many videos and tables it has."""

    roots = serializers.ListField(child=serializers.CharField())
    folders = serializers.ListField(child=serializers.CharField())
    has_more = serializers.BooleanField(help_text="The folder has more folders than are listed.")
    videos = serializers.IntegerField()
    tables = serializers.IntegerField()
    files = serializers.ListField(child=serializers.CharField(), help_text="Names of the first tables and videos.")


class ImportView(RoleView):
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
            actor=self.actor, campaign=campaign, source=source, manifest=manifest, has_preview=values["preview"]
        )
        return _respond(self, clip_import)


class ServerImportView(RoleView):
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
        preview = values.pop("preview")
        with name_refusals("path"):
            return _respond(
                self, request_server_import(actor=self.actor, campaign=campaign, has_preview=preview, **values)
            )


class BucketImportView(RoleView):
    @extend_schema(request=BucketSourceSerializer, responses={202: JobSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Import from a bucket, or with `preview` only read the rows. The answer is as that of `import`."""
        campaign = get_object_or_404(Campaign, name=name)
        values = read_values(BucketSourceSerializer(data=request.data))
        preview = values.pop("preview")
        with name_refusals("address"):
            return _respond(
                self, request_bucket_import(actor=self.actor, campaign=campaign, has_preview=preview, **values)
            )


def _respond(view: RoleView, clip_import: ClipImport) -> Response:
    """Start an import that has no preview, and answer with its job."""
    if clip_import.job is None:
        clip_import = importing.start_import(actor=view.actor, clip_import=clip_import)
    return Response({**JobSerializer(clip_import.job).data, "import": clip_import.pk}, status.HTTP_202_ACCEPTED)


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
