"""The JSON API of campaigns, clips and ratings. Rules live in `annotation.services`; a view only reads what was sent.

Errors: 400 names each field at fault; 401 without an account, 403 below the role asked for, 404 for what is not there
or not yours, 409 for what came too late; the last four say so in `detail`.
"""

import uuid
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Prefetch, QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework import exceptions, status
from rest_framework.generics import ListAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from accounts.api import HasRole
from accounts.models import Role, User
from annotation.api.serializers import (
    CampaignSerializer,
    ImportSerializer,
    ItemSerializer,
    JobSerializer,
    LeaseEndSerializer,
    NewCampaignSerializer,
    RatedSerializer,
    RatingSerializer,
    SeatSerializer,
    SkipSerializer,
    StateSerializer,
    SubmitSerializer,
)
from annotation.campaigns import campaigns
from annotation.campaigns.campaigns import StateRefused
from annotation.campaigns.progress import read_progress_by_campaign
from annotation.intake import uploads
from annotation.models import Arm, Campaign, Item, Rating, RatingRevision
from annotation.raters.admission import list_rateable_campaigns, list_visible_clips
from annotation.rating import queue, ratings
from annotation.rating.answers import AnswersRefused, Submission, parse_answers
from annotation.rating.clip_media import open_media, serve
from annotation.rating.drafts import show_late_draft
from annotation.rating.queue import LeaseLost
from annotation.rating.work import SECONDS
from operations.models import Job

MEDIA_KINDS = {"video", "poster", "original"}


class Late(exceptions.APIException):
    """What was asked came too late, or does not fit the state that things are in."""

    status_code = status.HTTP_409_CONFLICT


class Guarded(APIView):
    """A view that asks for a role and answers the refusals of services in one shape."""

    permission_classes = (HasRole,)
    required_role: ClassVar[Role | dict[str, Role]] = Role.LEAD

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, AnswersRefused):
            exc = exceptions.ValidationError(exc.problems)
        elif isinstance(exc, ValidationError):
            exc = exceptions.ValidationError(exc.message_dict)
        elif isinstance(exc, LeaseLost | StateRefused):
            exc = Late(str(exc))
        return super().handle_exception(exc)

    @property
    def actor(self) -> User:
        """The caller, whom HasRole has let in."""
        assert isinstance(self.request.user, User)
        return self.request.user


def read(serializer: BaseSerializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    values: dict[str, Any] = serializer.validated_data
    return values


class ByKey(CursorPagination):
    """By cursor, in the order of arrival: pages deep in a long list cost what the first one costs."""

    ordering = "pk"
    page_size = 100


class CampaignsView(Guarded, ListAPIView[Campaign]):
    required_role: ClassVar = {"GET": Role.ANNOTATOR, "POST": Role.LEAD}
    serializer_class = CampaignSerializer
    pagination_class = ByKey

    def get_queryset(self) -> QuerySet[Campaign]:
        """Leads see all of them, annotators those that they may rate in."""
        return _visible(self.actor)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The campaigns you may see."""
        page = self.paginate_queryset(self.get_queryset()) or []
        context = {"progress": read_progress_by_campaign(page), "is_lead": self.actor.has_role(Role.LEAD)}
        return self.get_paginated_response(CampaignSerializer(page, many=True, context=context).data)

    @extend_schema(request=NewCampaignSerializer, responses={201: CampaignSerializer})
    def post(self, request: Request) -> Response:
        """Makes a campaign, in the state `draft`."""
        made = campaigns.create_campaign(actor=self.actor, **read(NewCampaignSerializer(data=request.data)))
        return Response(_campaign(made, self.actor), status=status.HTTP_201_CREATED)


def _visible(user: User) -> QuerySet[Campaign]:
    return Campaign.objects.all() if user.has_role(Role.LEAD) else list_rateable_campaigns(user)


def _campaign(campaign: Campaign, reader: User) -> dict[str, Any]:
    context = {"progress": read_progress_by_campaign([campaign]), "is_lead": reader.has_role(Role.LEAD)}
    return dict(CampaignSerializer(campaign, context=context).data)


class CampaignView(Guarded):
    required_role = Role.ANNOTATOR

    @extend_schema(responses=CampaignSerializer)
    def get(self, request: Request, name: str) -> Response:
        """One campaign; an annotator sees it while they may rate in it."""
        return Response(_campaign(get_object_or_404(_visible(self.actor), name=name), self.actor))


class CampaignStateView(Guarded):
    @extend_schema(request=StateSerializer, responses=CampaignSerializer)
    def post(self, request: Request, name: str) -> Response:
        """Opens, pauses, closes or archives a campaign; 409 for a step that its state does not allow."""
        state = read(StateSerializer(data=request.data))["state"]
        campaign = get_object_or_404(Campaign, name=name)
        return Response(_campaign(campaigns.set_state(actor=self.actor, campaign=campaign, state=state), self.actor))


class ImportView(Guarded):
    parser_classes = (JSONParser, MultiPartParser)

    @extend_schema(
        request={"application/json": ImportSerializer, "multipart/form-data": ImportSerializer},
        responses={202: JobSerializer},
    )
    def post(self, request: Request, name: str) -> Response:
        """Brings clips in. The rows are read by a job; its result names those left out, by number and reason."""
        campaign = get_object_or_404(Campaign, name=name)
        asked = read(ImportSerializer(data=request.data))
        if "files" in asked:
            try:
                manifest = uploads.receive_files(asked["files"])
            except uploads.UploadRefused as refusal:
                raise exceptions.ValidationError({"files": [str(refusal)]}) from None
        else:
            manifest = server_manifest(asked["manifest"])
        job = uploads.request_import(actor=self.actor, campaign=campaign, manifest=manifest)
        return Response(JobSerializer(job).data, status=status.HTTP_202_ACCEPTED)


def import_root() -> Path:
    """Where an operator puts manifests and videos for import by path."""
    return Path(settings.VAR_DIR) / "imports"


def server_manifest(name: str) -> Path:
    """The file `name` under the import folder; a refusal by field for what is not there or lies outside."""
    root = import_root().resolve()
    try:
        path = (root / name).resolve()
        if path.is_relative_to(root) and path.is_file():
            return path
    except (OSError, ValueError):  # a name that no file can have
        pass
    raise exceptions.ValidationError({"manifest": [_("There is no such file in the site's import folder.")]})


class ItemsView(Guarded, ListAPIView[Item]):
    """The clips of a campaign."""

    serializer_class = ItemSerializer
    pagination_class = ByKey

    def get_queryset(self) -> QuerySet[Item]:
        campaign = get_object_or_404(Campaign, name=self.kwargs["name"])
        return Item.objects.filter(campaign=campaign).select_related("clip__prompt_group")


class RatingsView(Guarded, ListAPIView[Rating]):
    """The ratings of a campaign as they stand now, a page at a time."""

    serializer_class = RatingSerializer
    pagination_class = ByKey

    def get_queryset(self) -> QuerySet[Rating]:
        campaign = get_object_or_404(Campaign, name=self.kwargs["name"])
        current = RatingRevision.objects.filter(is_current=True).prefetch_related("answers")
        ratings_of = Rating.objects.filter(slot__campaign=campaign).annotate(seconds=SECONDS)
        return ratings_of.select_related("item__clip", "rater", "draft").prefetch_related(
            Prefetch("revisions", current)
        )


class ClaimView(Guarded):
    required_role = Role.ANNOTATOR

    @extend_schema(request=None, responses={200: SeatSerializer, 204: None})
    def post(self, request: Request, name: str) -> Response:
        """Your seat: the one you hold, else the next one; 204 when nothing is left for you."""
        campaign = get_object_or_404(Campaign, name=name)
        slot = queue.claim(rater=self.actor, campaign=campaign)
        if slot is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        if slot.arm == Arm.ASSISTED and slot.lease:  # a draft that has come since the first answer is given now
            show_late_draft(rater=self.actor, lease=slot.lease)
        return Response(SeatSerializer(slot).data)


class SubmitView(Guarded):
    required_role = Role.ANNOTATOR

    @extend_schema(request=SubmitSerializer, responses={201: RatedSerializer})
    def post(self, request: Request, lease: uuid.UUID) -> Response:
        """Stores your rating. 409 when the seat went to another: your answers are kept as saved work."""
        values = read(SubmitSerializer(data=request.data))
        item_id = values.pop("item_id")
        submission = Submission(**values | {"answers": parse_answers(values["answers"])})
        rating = ratings.submit(rater=self.actor, lease=lease, item_id=item_id, submission=submission)
        return Response({"rating": rating.pk}, status=status.HTTP_201_CREATED)


class RenewView(Guarded):
    required_role = Role.ANNOTATOR

    @extend_schema(request=None, responses=LeaseEndSerializer)
    def post(self, request: Request, lease: uuid.UUID) -> Response:
        """Lets your lease run anew."""
        ends = queue.renew(rater=self.actor, lease=lease)
        return Response(LeaseEndSerializer({"lease_expires_at": ends}).data)


class HandBackView(Guarded):
    required_role = Role.ANNOTATOR

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, lease: uuid.UUID) -> Response:
        """Frees your seat for another; the clip may come back to you later."""
        queue.hand_back(rater=self.actor, lease=lease)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SkipView(Guarded):
    required_role = Role.ANNOTATOR

    @extend_schema(request=SkipSerializer, responses={204: None})
    def post(self, request: Request, lease: uuid.UUID) -> Response:
        """Passes a clip by for good."""
        queue.skip(rater=self.actor, lease=lease, **read(SkipSerializer(data=request.data)))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ClipMediaView(Guarded):
    required_role = Role.ANNOTATOR

    @extend_schema(
        parameters=[OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=sorted(MEDIA_KINDS))],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, pk: int, kind: str) -> HttpResponseBase:
        """A clip's playable video, its poster or (leads) its original, by byte range if you like."""
        clip = list_visible_clips(self.actor).filter(pk=pk).first()
        if clip is None or kind not in MEDIA_KINDS or (kind == "original" and not self.actor.has_role(Role.LEAD)):
            raise Http404
        names = {"video": clip.playable, "poster": clip.poster, "original": clip.original}
        return serve(request._request, open_media(names[kind]), filename=clip.clip_id, download=kind == "original")


class JobView(Guarded):
    required_role = Role.ANNOTATOR

    @extend_schema(responses=JobSerializer)
    def get(self, request: Request, pk: str) -> Response:
        """How far a job of yours is; leads see everybody's."""
        jobs = Job.objects.all() if self.actor.has_role(Role.LEAD) else Job.objects.filter(created_by=self.actor)
        return Response(JobSerializer(get_object_or_404(jobs, pk=pk)).data)


class SchemaView(SpectacularAPIView):
    """This API as OpenAPI 3."""

    permission_classes = [HasRole]  # noqa: RUF012 - as the base class has it
    required_role = Role.ANNOTATOR
