"""Requests of the API that makes imports of clips: where the clips come from, and how they are imported."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from annotation.api.base import JSON
from annotation.intake.forms import MOST_ROOTS
from annotation.intake.manifests import MAX_LENGTHS

LONGEST_COLUMN = 200


class _SourceSerializer(serializers.Serializer[Any]):
    generator = serializers.CharField(
        default="", allow_blank=True, max_length=MAX_LENGTHS["generator"], help_text="Of videos in no folder."
    )
    preview = serializers.BooleanField(default=False, help_text="The import waits to be started.")
    group_column = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=LONGEST_COLUMN,
        help_text="Rows with the same value of this column are one prompt group.",
    )
    applies_changes = serializers.BooleanField(
        default=False, help_text="Clips that are here already get the values of their rows."
    )

    def validate(self, attrs: JSON) -> JSON:
        """Refuse what would be ignored: changes are applied by the start that follows a preview."""
        if attrs["preview"] and attrs["applies_changes"]:
            raise serializers.ValidationError(
                {"applies_changes": _("A preview changes nothing. Send applies_changes when you start the import.")}
            )
        return attrs


class ImportSerializer(_SourceSerializer):
    """Either `manifest`, a path under the site's import folder, or `files` as multipart (a manifest with its videos, or
    a zip of them). Without a manifest, the folders in a zip are generators."""

    manifest = serializers.CharField(required=False, max_length=1000)
    files = serializers.ListField(child=serializers.FileField(allow_empty_file=True), required=False, allow_empty=False)

    def validate(self, attrs: JSON) -> JSON:
        if ("manifest" in attrs) == ("files" in attrs):
            raise serializers.ValidationError({"manifest": _("Send either the path of a manifest or files.")})
        return super().validate(attrs)


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
