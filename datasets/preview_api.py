"""The API's preview of a release, and the policy as scripts send it."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import HasRole
from accounts.models import Role
from annotation.models import Campaign
from datasets.option_fields import make_serializer_field
from datasets.services.options import OPTIONS
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from datasets.services.preview import preview_release


class ReleasePolicySerializer(serializers.Serializer[Any]):
    """The options of a release; those left out keep their defaults."""

    def get_fields(self) -> dict[str, Any]:
        return {name: make_serializer_field(name) for name in OPTIONS}


@extend_schema_field(ReleasePolicySerializer)
class PolicyField(serializers.DictField):
    """The options as sent: `ReleasePolicy` checks them, and refuses one that does not exist."""


class PreviewRequestSerializer(serializers.Serializer[Any]):
    """The request for a preview."""

    campaign = serializers.SlugRelatedField[Campaign](slug_field="name", queryset=Campaign.objects.all())
    policy = PolicyField(required=False, default=dict)


class StepsSerializer(serializers.Serializer[Any]):
    """How many there are, how many each reason drops, and how many are left."""

    total = serializers.IntegerField()
    dropped = serializers.DictField(child=serializers.IntegerField())
    left = serializers.IntegerField()


class PreviewSerializer(serializers.Serializer[Any]):
    """What a release would be. `counts` and `agreement` are as its manifest would state them."""

    policy = ReleasePolicySerializer()
    refusals = serializers.ListField(
        child=serializers.CharField(), help_text="Why it cannot be built, each with its remedy; empty if it can."
    )
    clips = StepsSerializer(help_text="The campaign's clips, and those of the release.")
    ratings = StepsSerializer(help_text="The campaign's ratings, and those that the release counts.")
    sft = StepsSerializer(help_text="The clips of the release, and those with an sft row.")
    cooldown = StepsSerializer(help_text="The sft rows of train, and those in the cool-down.")
    splits = serializers.DictField(help_text="Clips and prompt groups of each split.")
    levels = serializers.DictField(help_text="For each axis the number of clips whose target has each level.")
    agreement = serializers.DictField()
    counts = serializers.DictField()


class PreviewReleaseView(APIView):
    """POST answers with what a release would be if it were frozen now, and writes nothing."""

    permission_classes = (HasRole,)
    required_role = Role.ENGINEER

    @extend_schema(request=PreviewRequestSerializer, responses=PreviewSerializer)
    def post(self, request: Request) -> Response:
        serializer = PreviewRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        try:
            policy = ReleasePolicy.from_json(values["policy"])
        except ReleaseRefused as refusal:
            raise exceptions.ValidationError({"detail": str(refusal)}) from None
        return Response(preview_release(values["campaign"], policy).to_json())
