"""The API of imports of clips: follow one, read its rows, and start, cancel, discard or undo it."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from annotation.api.base import KeyPagination, RoleView, read_values
from annotation.api.import_serializers import LONGEST_COLUMN
from annotation.intake import import_reading, importing
from annotation.intake.import_undo import undo_import
from annotation.models import Campaign, Clip, ClipImport, ImportRow


class ClipImportSerializer(serializers.ModelSerializer[ClipImport]):
    """An import of clips. `counts` has its rows by state; `preview` is what would come of it, before it starts."""

    campaign = serializers.SlugRelatedField[Campaign](slug_field="name", read_only=True)
    created_by = serializers.SlugRelatedField[User](slug_field="username", read_only=True)
    state = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    counts = serializers.SerializerMethodField()

    class Meta:
        model = ClipImport
        fields: ClassVar = [
            "id",
            "campaign",
            "name",
            "source",
            "state",
            "row_count",
            "counts",
            "preview",
            "notes",
            "error",
            "applies_changes",
            "group_column",
            "job",
            "created_by",
            "created_at",
            "finished_at",
        ]
        read_only_fields = fields

    def get_state(self, one: ClipImport) -> str:
        return importing.find_state(one)

    def get_error(self, one: ClipImport) -> str:
        return import_reading.find_error(one)

    def get_counts(self, one: ClipImport) -> dict[str, int]:
        return import_reading.read_progress(one).counts


class ImportRowSerializer(serializers.ModelSerializer[ImportRow]):
    """A row of an import, with the `clip_id` of its clip, if it has one."""

    clip = serializers.SlugRelatedField[Clip](slug_field="clip_id", read_only=True)

    class Meta:
        model = ImportRow
        fields: ClassVar = ["number", "state", "reason", "note", "clip", "values"]
        read_only_fields = fields


class StartSerializer(serializers.Serializer[Any]):
    """With `applies_changes`, clips that are here already get the values of their rows."""

    applies_changes = serializers.BooleanField(default=False)


class GroupColumnSerializer(serializers.Serializer[Any]):
    """A column of the table, one of `preview.group_columns` for example; empty to group by similarity again."""

    column = serializers.CharField(max_length=LONGEST_COLUMN, allow_blank=True)


def _get_import(pk: int) -> ClipImport:
    return get_object_or_404(ClipImport.objects.select_related("campaign", "created_by", "job"), pk=pk)


def _respond(pk: int) -> Response:
    return Response(ClipImportSerializer(_get_import(pk)).data)


class ClipImportView(RoleView):
    @extend_schema(responses=ClipImportSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Show an import with its rows by state."""
        return _respond(pk)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Discard an import that has not started; 409 for another."""
        importing.discard_import(actor=self.actor, clip_import=_get_import(pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ImportRowsView(RoleView, ListAPIView[ImportRow]):
    """List the rows of an import, of all states or one."""

    serializer_class = ImportRowSerializer
    pagination_class = KeyPagination

    @extend_schema(parameters=[OpenApiParameter("state", OpenApiTypes.STR, enum=ImportRow.State.values)])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the rows."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[ImportRow]:
        rows = _get_import(self.kwargs["pk"]).rows.select_related("clip")
        state = self.request.query_params.get("state", "")
        if state and state not in ImportRow.State.values:
            raise serializers.ValidationError({"state": [", ".join(ImportRow.State.values)]})
        return rows.filter(state=state) if state else rows


class StartImportView(RoleView):
    @extend_schema(request=StartSerializer, responses=ClipImportSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Start a previewed import, or resume a failed one; 409 for another."""
        values = read_values(StartSerializer(data=request.data))
        importing.start_import(actor=self.actor, clip_import=_get_import(pk), **values)
        return _respond(pk)


class GroupByColumnView(RoleView):
    @extend_schema(request=GroupColumnSerializer, responses=ClipImportSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Make rows with the same value of a column one prompt group, before the import starts; 409 afterwards."""
        values = read_values(GroupColumnSerializer(data=request.data))
        importing.group_by_column(actor=self.actor, clip_import=_get_import(pk), **values)
        return _respond(pk)


class CancelImportView(RoleView):
    @extend_schema(request=None, responses=ClipImportSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Cancel a running import; clips that went in stay."""
        importing.cancel_import(actor=self.actor, clip_import=_get_import(pk))
        return _respond(pk)


class UndoImportView(RoleView):
    @extend_schema(request=None, responses=ClipImportSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Remove the clips of an import; 409 if a rater was given one of them."""
        undo_import(actor=self.actor, clip_import=_get_import(pk))
        return _respond(pk)
