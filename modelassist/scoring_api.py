"""The API that has a critic score a clip: POST sends it, GET polls for the answer."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import exceptions, serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import Conflict, RoleView, read_values
from annotation.shared.text import parse_number
from modelassist.models import Critic, Scoring
from modelassist.reads.trust import encode_trust
from modelassist.services.consent import find_host
from modelassist.services.critics import ConsentMissing
from modelassist.services.scoring import KeyReused, compute_expiry, request_scoring
from qsave.axes import AXES
from qsave.words import isolate

KEY_HEADER = "Idempotency-Key"


def find_critic(value: str) -> Critic:
    """Return the critic `name@version`, or the newest version of a name. Raises ValidationError."""
    name, at, version = value.partition("@")
    critics = Critic.objects.filter(name=name).order_by("-version")
    critic = critics.filter(version=parse_number(version) or 0).first() if at else critics.first()
    if critic is None:
        words = _("There is no critic %(name)s. Write name@version, or a name for its newest version.")
        raise serializers.ValidationError(words % {"name": isolate(value)})
    return critic


def encode_critic(critic: Critic) -> dict[str, Any]:
    """Return which critic answers, and the host to which it sends clips."""
    return {
        "name": critic.name,
        "version": critic.version,
        "kind": critic.kind,
        "learned_from_simulated": critic.learned_from_simulated,
        "host": find_host(critic),
    }


class NewScoringSerializer(serializers.Serializer[Any]):
    """A clip to score. `critic` is `name@version`, or a name for its newest version."""

    video = serializers.FileField(allow_empty_file=True)
    prompt = serializers.CharField(trim_whitespace=True)
    critic = serializers.CharField(max_length=120)
    consents_to = serializers.CharField(
        default="", allow_blank=True, help_text="The host to which an endpoint may be sent this clip."
    )

    validate_critic = staticmethod(find_critic)


class ScoringSerializer(serializers.ModelSerializer[Scoring]):
    """A clip that was sent to be scored. Poll it until `state` is done or failed.

    `answer` has every axis: null where the critic proposes nothing. `trust` has the figures of the critic's evaluation.
    """

    state = serializers.ChoiceField(choices=["asked", "queued", "running", "done", "failed"], read_only=True)
    critic = serializers.SerializerMethodField()
    answer = serializers.SerializerMethodField()
    trust = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    expires_at = serializers.SerializerMethodField()

    class Meta:
        model = Scoring
        fields = (
            "id",
            "state",
            "error",
            "prompt",
            "file_name",
            "sha256",
            "critic",
            "answer",
            "seconds",
            "trust",
            "created_at",
            "expires_at",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.DictField())
    def get_critic(self, one: Scoring) -> dict[str, Any]:
        return encode_critic(one.critic)

    @extend_schema_field(serializers.DictField(allow_null=True))
    def get_answer(self, one: Scoring) -> dict[str, Any] | None:
        return None if one.proposal is None else {axis.value: one.proposal.get(axis.value) for axis in AXES}

    @extend_schema_field(serializers.DictField())
    def get_trust(self, one: Scoring) -> Any:
        return encode_trust(one.critic)

    def get_error(self, one: Scoring) -> str:
        if one.state != "failed" or one.job is None:
            return ""
        return one.job.error or _("The job was cancelled.")

    @extend_schema_field(serializers.DateTimeField())
    def get_expires_at(self, one: Scoring) -> str:
        return compute_expiry(one).isoformat()


class ScoringsView(RoleView):
    parser_classes = (MultiPartParser,)

    @extend_schema(
        request={"multipart/form-data": NewScoringSerializer},
        responses={202: ScoringSerializer},
        parameters=[OpenApiParameter(KEY_HEADER, location=OpenApiParameter.HEADER)],
    )
    def post(self, request: Request) -> Response:
        """Have a critic score a clip. The answer has its address in `Location`.

        The same key with the same content repeats the first answer; with other content it is 409.
        """
        values = read_values(NewScoringSerializer(data=request.data))
        try:
            scoring = request_scoring(
                actor=self.actor,
                critic=values["critic"],
                prompt=values["prompt"],
                upload=values["video"],
                key=request.headers.get(KEY_HEADER, ""),
                consents_to=values["consents_to"],
            )
        except ConsentMissing as question:
            words = _("%(reason)s To agree, send the name of the host as consents_to.") % {"reason": question}
            raise exceptions.ValidationError({"consents_to": [words]}) from None
        except KeyReused as refusal:
            raise Conflict(str(refusal)) from None
        headers = {"Location": reverse("api-scoring", args=[scoring.pk])}
        return Response(ScoringSerializer(scoring).data, status=status.HTTP_202_ACCEPTED, headers=headers)


class ScoringView(RoleView):
    @extend_schema(responses=ScoringSerializer)
    def get(self, request: Request, pk: str) -> Response:
        """Show a clip that was sent to be scored, with the answer once there is one."""
        one = get_object_or_404(Scoring.objects.select_related("critic", "job"), pk=pk)
        return Response(ScoringSerializer(one).data)
