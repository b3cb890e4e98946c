"""The API of campaigns, their clips and ratings, and of jobs. Views only read the request; services have the rules."""

from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from drf_spectacular.views import SpectacularAPIView
from rest_framework import exceptions, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import HasRole
from accounts.models import Role, User
from annotation.api.base import JobSerializer, KeyPagination, RoleView, read_values
from annotation.api.campaign_serializers import (
    CampaignSerializer,
    ItemSerializer,
    NewCampaignSerializer,
    StateSerializer,
)
from annotation.api.rating_serializers import RatingSerializer
from annotation.campaigns import campaigns
from annotation.campaigns.progress import read_progress_by_campaign
from annotation.models import Campaign, Item, Rating, RatingRevision
from annotation.raters.admission import list_campaigns_for, list_readable_campaigns
from annotation.rating.clip_media import MEDIA_KINDS, serve_clip
from annotation.rating.work import SECONDS
from operations.jobs import list_visible_jobs


class CampaignsView(RoleView, ListAPIView[Campaign]):
    required_role: ClassVar = {"GET": Role.ANNOTATOR, "POST": Role.LEAD}
    serializer_class = CampaignSerializer
    pagination_class = KeyPagination

    def get_queryset(self) -> QuerySet[Campaign]:
        """Return all campaigns for leads; for annotators, those that they may rate in."""
        return list_campaigns_for(self.actor)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the campaigns that you may see."""
        page = self.paginate_queryset(self.get_queryset()) or []
        context = {"progress": read_progress_by_campaign(page), "is_lead": self.actor.has_role(Role.LEAD)}
        return self.get_paginated_response(CampaignSerializer(page, many=True, context=context).data)

    @extend_schema(request=NewCampaignSerializer, responses={201: CampaignSerializer})
    def post(self, request: Request) -> Response:
        """Create a campaign in the state `draft`."""
        campaign = campaigns.create_campaign(actor=self.actor, **read_values(NewCampaignSerializer(data=request.data)))
        return Response(_campaign_to_json(campaign, self.actor), status=status.HTTP_201_CREATED)


def _campaign_to_json(campaign: Campaign, reader: User) -> dict[str, Any]:
    context = {"progress": read_progress_by_campaign([campaign]), "is_lead": reader.has_role(Role.LEAD)}
    return dict(CampaignSerializer(campaign, context=context).data)


class CampaignView(RoleView):
    required_role = Role.ANNOTATOR

    @extend_schema(responses=CampaignSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Show one campaign; annotators do not see drafts."""
        campaign = get_object_or_404(list_readable_campaigns(self.actor), name=name)
        return Response(_campaign_to_json(campaign, self.actor))


class CampaignStateView(RoleView):
    @extend_schema(request=StateSerializer, responses=CampaignSerializer)
    def post(self, request: Request, name: str) -> Response:
        """Open, pause, close or archive a campaign; 409 for a change that its state does not allow."""
        state = read_values(StateSerializer(data=request.data))["state"]
        campaign = get_object_or_404(Campaign, name=name)
        return Response(
            _campaign_to_json(campaigns.set_state(actor=self.actor, campaign=campaign, state=state), self.actor)
        )


_AVAILABILITY = OpenApiParameter("availability", str, enum=Item.Availability.values)


@extend_schema_view(get=extend_schema(parameters=[_AVAILABILITY]))
class ItemsView(RoleView, ListAPIView[Item]):
    """List the clips of a campaign: those of one `availability`, or all but withdrawn ones."""

    serializer_class = ItemSerializer
    pagination_class = KeyPagination

    def get_queryset(self) -> QuerySet[Item]:
        campaign = get_object_or_404(Campaign, name=self.kwargs["name"])
        items = Item.objects.filter(campaign=campaign).select_related("clip__prompt_group", "clip__successor")
        wanted = self.request.query_params.get("availability", "")
        if not wanted:
            return items.exclude(availability=Item.Availability.WITHDRAWN)
        if wanted not in Item.Availability.values:
            raise exceptions.ValidationError({"availability": [_("There is no such availability.")]})
        return items.filter(availability=wanted)


class RatingsView(RoleView, ListAPIView[Rating]):
    """List the ratings of a campaign, each by its current revision, without those of withdrawn clips."""

    serializer_class = RatingSerializer
    pagination_class = KeyPagination

    def get_queryset(self) -> QuerySet[Rating]:
        campaign = get_object_or_404(Campaign, name=self.kwargs["name"])
        current = RatingRevision.objects.filter(is_current=True).prefetch_related("answers")
        ratings = Rating.objects.filter(slot__campaign=campaign).annotate(seconds=SECONDS)
        ratings = ratings.exclude(item__availability=Item.Availability.WITHDRAWN)
        return ratings.select_related("item__clip", "rater", "draft").prefetch_related(Prefetch("revisions", current))


class ClipMediaView(RoleView):
    required_role = Role.ANNOTATOR

    @extend_schema(
        parameters=[OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=sorted(MEDIA_KINDS))],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, pk: int, kind: str) -> HttpResponseBase:
        """Send a clip's playable video, its poster or (leads only) its original, also by byte range."""
        return serve_clip(request._request, self.actor, kind, pk)


class JobView(RoleView):
    required_role = Role.ANNOTATOR

    @extend_schema(responses=JobSerializer)
    def get(self, request: Request, pk: str) -> Response:
        """Show the state of your job; leads see all jobs."""
        return Response(JobSerializer(get_object_or_404(list_visible_jobs(self.actor), pk=pk)).data)


class SchemaView(SpectacularAPIView):
    """This API as OpenAPI 3."""

    permission_classes = [HasRole]  # noqa: RUF012 - as the base class has it
    required_role = Role.ANNOTATOR
