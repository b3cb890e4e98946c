"""The API of rating: claim a slot, submit, renew, hand back and skip, each by the lease of the slot."""

import uuid

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from annotation.api.base import RoleView, read_values
from annotation.api.rating_serializers import (
    LeaseEndSerializer,
    RatedSerializer,
    RenewSerializer,
    SkipSerializer,
    SlotSerializer,
    SubmitSerializer,
)
from annotation.models import Arm, Campaign
from annotation.rating import queue, ratings
from annotation.rating.answers import Submission, parse_answers
from annotation.rating.drafts import show_late_draft


class ClaimView(RoleView):
    required_role = Role.ANNOTATOR

    @extend_schema(request=None, responses={200: SlotSerializer, 204: None})
    def post(self, request: Request, name: str) -> Response:
        """Claim a slot: the one you hold, else the next one; 204 when nothing is left for you."""
        campaign = get_object_or_404(Campaign, name=name)
        slot = queue.claim(rater=self.actor, campaign=campaign)
        if slot is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        if slot.arm == Arm.ASSISTED and slot.lease:  # a draft that came after the first claim
            show_late_draft(rater=self.actor, lease=slot.lease)
        return Response(SlotSerializer(slot).data)


class SubmitView(RoleView):
    required_role = Role.ANNOTATOR

    @extend_schema(request=SubmitSerializer, responses={201: RatedSerializer})
    def post(self, request: Request, lease: uuid.UUID) -> Response:
        """Store your rating. 409 if the slot went to another rater: your answers are kept as saved work."""
        values = read_values(SubmitSerializer(data=request.data))
        item_id = values.pop("item_id")
        submission = Submission(**values | {"answers": parse_answers(values["answers"])})
        rating = ratings.submit(rater=self.actor, lease=lease, item_id=item_id, submission=submission)
        return Response({"rating": rating.pk}, status=status.HTTP_201_CREATED)


class RenewView(RoleView):
    required_role = Role.ANNOTATOR

    @extend_schema(request=RenewSerializer, responses=LeaseEndSerializer)
    def post(self, request: Request, lease: uuid.UUID) -> Response:
        """Start your lease again. 409 if the slot is no longer yours; it says why if you name the item."""
        ends = queue.renew(rater=self.actor, lease=lease, **read_values(RenewSerializer(data=request.data)))
        return Response(LeaseEndSerializer({"lease_expires_at": ends}).data)


class HandBackView(RoleView):
    required_role = Role.ANNOTATOR

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, lease: uuid.UUID) -> Response:
        """Free your slot for another rater; the clip may come back to you later."""
        queue.hand_back(rater=self.actor, lease=lease)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SkipView(RoleView):
    required_role = Role.ANNOTATOR

    @extend_schema(request=SkipSerializer, responses={204: None})
    def post(self, request: Request, lease: uuid.UUID) -> Response:
        """Skip a clip for good."""
        queue.skip(rater=self.actor, lease=lease, **read_values(SkipSerializer(data=request.data)))
        return Response(status=status.HTTP_204_NO_CONTENT)
