"""The engineer's JSON API of critics: list them, and add one (as a job that tries it first)."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import HasRole
from accounts.models import Role, User
from annotation.models import Campaign
from modelassist.engine.models.folder import ModelError
from modelassist.kinds.endpoint.settings import EndpointSettings, SettingsError
from modelassist.models import Critic
from modelassist.services.adding import CannotAdd, NewCritic, request_critic
from modelassist.services.critics import Papers


class CriticSerializer(serializers.ModelSerializer[Critic]):
    """A critic as scripts see it. `settings` name a key and never hold one."""

    class Meta:
        model = Critic
        fields = (
            "id", "name", "version", "kind", "origin", "model", "settings", "licence", "card", "prompt_version",
            "taxonomy_version", "learned_from_simulated", "run", "parent", "evaluation", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class NewCriticSerializer(serializers.Serializer[Any]):
    """The request for a critic: either `model` (a folder or a hub id) or `endpoint` (the settings of a server)."""

    name = serializers.SlugField(max_length=80)
    model = serializers.CharField(max_length=300, required=False, default="")
    endpoint = serializers.DictField(required=False, default=None)
    licence = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    card = serializers.CharField(max_length=100_000, required=False, default="", allow_blank=True)
    campaign = serializers.SlugRelatedField[Campaign](
        slug_field="name", queryset=Campaign.objects.all(), required=False, default=None, allow_null=True
    )

    def validate_endpoint(self, value: dict[str, Any] | None) -> EndpointSettings | None:
        try:
            return None if value is None else EndpointSettings.from_json(value)
        except SettingsError as error:
            raise serializers.ValidationError(str(error)) from None

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if bool(attrs["model"]) == (attrs["endpoint"] is not None):
            raise serializers.ValidationError(_("Give exactly one of the two: model or endpoint."))
        return attrs


class TrialSerializer(serializers.Serializer[Any]):
    """The job that tries a critic. When it is done, `GET /api/critics` lists the critic."""

    job = serializers.UUIDField(source="pk")
    state = serializers.CharField()


class NewestCriticsFirst(CursorPagination):
    ordering = "-id"
    page_size = 50


class CriticsView(ListAPIView[Critic]):
    """GET lists the critics, newest first. POST tries a new one and answers 202 with the job."""

    permission_classes = (HasRole,)
    required_role = Role.ENGINEER
    queryset = Critic.objects.all()
    serializer_class = CriticSerializer
    pagination_class = NewestCriticsFirst

    @extend_schema(request=NewCriticSerializer, responses={202: TrialSerializer})
    def post(self, request: Request) -> Response:
        serializer = NewCriticSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        papers = Papers(card=values["card"], licence=values["licence"])
        new = NewCritic(values["name"], model=values["model"], endpoint=values["endpoint"], papers=papers)
        assert isinstance(request.user, User)
        try:
            job = request_critic(actor=request.user, new=new, campaign=values["campaign"])
        except (ModelError, CannotAdd) as refusal:
            raise exceptions.ValidationError({"detail": str(refusal)}) from None
        return Response(TrialSerializer(job).data, status=status.HTTP_202_ACCEPTED)


class CriticView(RetrieveAPIView[Critic]):
    """One critic."""

    permission_classes = (HasRole,)
    required_role = Role.ENGINEER
    queryset = Critic.objects.all()
    serializer_class = CriticSerializer
