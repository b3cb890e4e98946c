"""The API of a campaign's agreement."""

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.agreement.figures import read_agreement
from annotation.agreement.headlines import agreement_to_json
from annotation.api.base import RoleView
from annotation.models import Campaign


class AgreementView(RoleView):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, name: str) -> Response:
        """Show the figures of a campaign: agreement of blind and assisted ratings, anchoring, and generators in pairs.

        A figure is {value, low, high, thin} or {undefined, thin}. `thin` is empty for a figure that can be read; else
        it is the sentence that says what the figure lacks, to be shown before it.
        """
        return Response(agreement_to_json(read_agreement(get_object_or_404(Campaign, name=name))))
