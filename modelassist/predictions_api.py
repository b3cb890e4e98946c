"""The lead's API that has a critic predict a campaign: POST requests it, GET polls, and files have all answers."""

from typing import Any

from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import exceptions, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import Conflict, RoleView, read_values
from annotation.models import Campaign
from modelassist.models import PredictionSet
from modelassist.prediction_pages import ALL, RATED, get_prediction_set, send_predictions
from modelassist.reads.predictions import (
    AxisFigures,
    SetLine,
    count_predictions,
    list_failures,
    list_sets,
    read_figures,
)
from modelassist.reads.trust import encode_trust
from modelassist.scoring_api import KEY_HEADER, encode_critic, find_critic
from modelassist.services import predicting
from modelassist.services.critics import ConsentMissing
from operations.models import JobState
from qsave.run.encoding import encode_figures

FORMS = ("csv", "parquet")


class NewPredictionsSerializer(serializers.Serializer[Any]):
    """What to predict. `critic` is `name@version`, or a name for its newest version."""

    critic = serializers.CharField(max_length=120)
    clips = serializers.ChoiceField(choices=[ALL, RATED], default=ALL, help_text="rated: those with a blind rating.")
    is_direct = serializers.BooleanField(default=False, help_text="Scores alone, which only a local model gives.")
    consents_to = serializers.CharField(
        default="", allow_blank=True, help_text="The host to which an endpoint may be sent the clips of the campaign."
    )
    validate_critic = staticmethod(find_critic)


class PredictionLineSerializer(serializers.Serializer[SetLine]):
    """Predictions in the list of a campaign."""

    id = serializers.IntegerField(source="row.pk")
    state = serializers.ChoiceField(choices=JobState.choices, read_only=True, source="row.state")
    critic = serializers.SerializerMethodField()
    only_rated = serializers.BooleanField(source="row.only_rated")
    clips = serializers.IntegerField(source="row.clips", help_text="How many clips it is about.")
    answered = serializers.IntegerField()
    failed = serializers.IntegerField()
    created_at = serializers.DateTimeField(source="row.created_at")
    finished_at = serializers.DateTimeField(source="row.finished_at", allow_null=True)

    @extend_schema_field(serializers.DictField())
    def get_critic(self, line: SetLine) -> dict[str, Any]:
        return encode_critic(line.row.critic)


class PredictionSetSerializer(PredictionLineSerializer):
    """Predictions of a campaign. Poll until `state` is done, failed or cancelled.

    `figures` are those of the page, by axis; null before they were computed. `failures` has the most frequent errors,
    each with its number of clips. `files` has an address for each form.
    """

    error = serializers.SerializerMethodField()
    failures = serializers.SerializerMethodField()
    figures = serializers.SerializerMethodField()
    trust = serializers.SerializerMethodField()
    files = serializers.SerializerMethodField()

    def get_error(self, line: SetLine) -> str:
        return line.row.job.error if line.row.state == "failed" and line.row.job else ""

    @extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
    def get_failures(self, line: SetLine) -> dict[str, int]:
        return dict(list_failures(line.row))

    @extend_schema_field(serializers.DictField(allow_null=True))
    def get_figures(self, line: SetLine) -> dict[str, Any] | None:
        return {one.axis.value: _encode_axis(one) for one in read_figures(line.row)} or None

    @extend_schema_field(serializers.DictField())
    def get_trust(self, line: SetLine) -> Any:
        return encode_trust(line.row.critic)

    @extend_schema_field(serializers.DictField(child=serializers.CharField()))
    def get_files(self, line: SetLine) -> dict[str, str]:
        address = (line.row.campaign.name, line.row.pk)
        return {form: reverse("api-prediction-file", args=[*address, form]) for form in FORMS}


def _describe(row: PredictionSet) -> Any:
    return PredictionSetSerializer(count_predictions(row)).data


def _encode_axis(one: AxisFigures) -> dict[str, Any]:
    figures = encode_figures({"srcc": one.srcc, "rmse": one.rmse, "constant_rmse": one.constant_rmse})
    counts = {name: getattr(one, name) for name in ("proposed", "scored", "clean", "clips", "prompts")}
    return {**counts, "defects": dict(one.defects), **figures}


class PredictionSetsView(RoleView):
    @extend_schema(responses=PredictionLineSerializer(many=True))
    def get(self, request: Request, name: str) -> Response:
        """List the predictions of a campaign, newest first."""
        campaign = get_object_or_404(Campaign, name=name)
        lines: Any = list_sets(campaign)
        return Response(PredictionLineSerializer(lines, many=True).data)

    @extend_schema(
        request=NewPredictionsSerializer,
        responses={202: PredictionSetSerializer},
        parameters=[OpenApiParameter(KEY_HEADER, location=OpenApiParameter.HEADER)],
    )
    def post(self, request: Request, name: str) -> Response:
        """Have a critic predict a campaign. The answer has its address in `Location`.

        The same key with the same content repeats the first answer; with other content it is 409.
        """
        campaign = get_object_or_404(Campaign, name=name)
        values = read_values(NewPredictionsSerializer(data=request.data))
        try:
            row = predicting.request_predictions(
                actor=self.actor,
                campaign=campaign,
                critic=values["critic"],
                only_rated=values["clips"] == RATED,
                is_direct=values["is_direct"],
                consents_to=values["consents_to"],
                key=request.headers.get(KEY_HEADER, ""),
            )
        except ConsentMissing as question:
            words = _("%(reason)s To agree, send the name of the host as consents_to.") % {"reason": question}
            raise exceptions.ValidationError({"consents_to": [words]}) from None
        except predicting.CannotAnswerDirectly as refusal:
            raise exceptions.ValidationError({"is_direct": [str(refusal)]}) from None
        except predicting.NothingToPredict as refusal:
            raise exceptions.ValidationError({"clips": [str(refusal)]}) from None
        except predicting.PredictionKeyReused as refusal:
            raise Conflict(str(refusal)) from None
        headers = {"Location": reverse("api-prediction-set", args=[name, row.pk])}
        return Response(_describe(row), status=status.HTTP_202_ACCEPTED, headers=headers)


class PredictionSetView(RoleView):
    @extend_schema(responses=PredictionSetSerializer)
    def get(self, request: Request, name: str, pk: int) -> Response:
        """Show how far predictions are, and their figures once they are there."""
        return Response(_describe(get_prediction_set(name, pk)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str, pk: int) -> Response:
        """Delete predictions; a job that works on them stops."""
        predicting.delete(actor=self.actor, prediction_set=get_prediction_set(name, pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PredictionCancelView(RoleView):
    @extend_schema(request=None, responses=PredictionSetSerializer)
    def post(self, request: Request, name: str, pk: int) -> Response:
        """Stop asking; what was answered stays. 409 if they had ended."""
        if not predicting.cancel(actor=self.actor, prediction_set=get_prediction_set(name, pk)):
            raise Conflict(_("These predictions had ended already."))
        return Response(_describe(get_prediction_set(name, pk)))


class PredictionResumeView(RoleView):
    @extend_schema(request=None, responses={202: PredictionSetSerializer})
    def post(self, request: Request, name: str, pk: int) -> Response:
        """Ask about the clips that have no answer, and compute the figures again. 409 while they run."""
        if not predicting.resume(actor=self.actor, prediction_set=get_prediction_set(name, pk)):
            raise Conflict(_("These predictions are running already."))
        return Response(_describe(get_prediction_set(name, pk)), status=status.HTTP_202_ACCEPTED)


class PredictionFileView(RoleView):
    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.BINARY})
    def get(self, request: Request, name: str, pk: int, form: str) -> HttpResponseBase:
        """Send the answers as CSV or Parquet, a row for each clip."""
        return send_predictions(get_prediction_set(name, pk), form)
