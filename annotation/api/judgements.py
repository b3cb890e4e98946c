"""The API of ratings made elsewhere: upload a file, confirm its mapping, follow the import, delete it."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from annotation.api.base import KeyPagination, RoleView, read_values
from annotation.judgements.importing import receive_file, request_import
from annotation.judgements.upkeep import delete_import
from annotation.models import Campaign, JudgementImport, RefusedJudgement
from qsave.judgements.mapping import MOST_NAME
from qsave.tables.table import TableError


class JudgementImportSerializer(serializers.ModelSerializer[JudgementImport]):
    """An import of ratings made elsewhere. `problems` has the first refused rows, as [number, reason]."""

    campaign = serializers.SlugRelatedField[Campaign](slug_field="name", read_only=True)
    created_by = serializers.SlugRelatedField[User](slug_field="username", read_only=True)

    class Meta:
        model = JudgementImport
        fields: ClassVar = [
            "id",
            "campaign",
            "source",
            "name",
            "format",
            "state",
            "mapping",
            "rows",
            "added",
            "present",
            "differing",
            "refused",
            "problems",
            "notes",
            "error",
            "job",
            "created_by",
            "created_at",
            "finished_at",
        ]
        read_only_fields = fields


class NewJudgementImportSerializer(serializers.Serializer[Any]):
    """A file with ratings. With `start` false it waits for its mapping, and the answer has the proposed one."""

    file = serializers.FileField()
    source = serializers.CharField(max_length=MOST_NAME, required=False)  # type: ignore[assignment]  # a field's name
    mapping = serializers.JSONField(required=False)
    start = serializers.BooleanField(default=True)


class MappingSerializer(serializers.Serializer[Any]):
    """The mapping by which an import starts; without one it starts by the proposed mapping."""

    mapping = serializers.JSONField(required=False)


class JudgementImportsView(RoleView, ListAPIView[JudgementImport]):
    """List the imports of ratings made elsewhere, oldest first."""

    serializer_class = JudgementImportSerializer
    pagination_class = KeyPagination
    parser_classes = (MultiPartParser,)

    def get_queryset(self) -> QuerySet[JudgementImport]:
        campaign = get_object_or_404(Campaign, name=self.kwargs["name"])
        return campaign.judgement_imports.select_related("campaign", "created_by")

    @extend_schema(
        request={"multipart/form-data": NewJudgementImportSerializer}, responses={202: JudgementImportSerializer}
    )
    def post(self, request: Request, name: str) -> Response:
        """Import a file by `mapping`, or by the mapping that is proposed for it. Its job stores the judgements."""
        campaign = get_object_or_404(Campaign, name=name)
        values = read_values(NewJudgementImportSerializer(data=request.data))
        try:
            row = receive_file(actor=self.actor, campaign=campaign, file=values["file"])
        except TableError as refusal:
            raise exceptions.ValidationError({"file": [str(refusal)]}) from None
        if not values["start"]:
            return _answer(row, status.HTTP_201_CREATED)
        source = {"source": values["source"]} if "source" in values else {}
        try:
            row = request_import(
                actor=self.actor, judgement_import=row, mapping=_merge(values.get("mapping", row.mapping), source)
            )
        except Exception:
            delete_import(actor=self.actor, judgement_import=row)
            raise
        return _answer(row, status.HTTP_202_ACCEPTED)


class JudgementImportView(RoleView):
    @extend_schema(responses=JudgementImportSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Show one import: its mapping and, once it is done, what came of it."""
        return _answer(get_object_or_404(JudgementImport, pk=pk), status.HTTP_200_OK)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Delete an import with the judgements that came by it."""
        delete_import(actor=self.actor, judgement_import=get_object_or_404(JudgementImport, pk=pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


class RefusedJudgementSerializer(serializers.ModelSerializer[RefusedJudgement]):
    """A row that was refused: its number in the file, from 1, and why."""

    class Meta:
        model = RefusedJudgement
        fields: ClassVar = ["number", "reason"]


class RefusedJudgementsView(RoleView, ListAPIView[RefusedJudgement]):
    """List the rows that an import refused."""

    serializer_class = RefusedJudgementSerializer
    pagination_class = KeyPagination

    def get_queryset(self) -> QuerySet[RefusedJudgement]:
        return get_object_or_404(JudgementImport, pk=self.kwargs["pk"]).refusals.all()


class StartJudgementImportView(RoleView):
    parser_classes = (JSONParser,)

    @extend_schema(request=MappingSerializer, responses={202: JudgementImportSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Start an import that waits, by this mapping."""
        row = get_object_or_404(JudgementImport, pk=pk)
        values = read_values(MappingSerializer(data=request.data))
        row = request_import(actor=self.actor, judgement_import=row, mapping=values.get("mapping", row.mapping))
        return _answer(row, status.HTTP_202_ACCEPTED)


def _merge(mapping: object, source: dict[str, str]) -> object:
    return mapping | source if isinstance(mapping, dict) else mapping


def _answer(row: JudgementImport, code: int) -> Response:
    return Response(JudgementImportSerializer(row).data, status=code)
