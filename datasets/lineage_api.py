"""The API of lineage and of differences between releases."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import HasRole
from accounts.models import Role
from annotation.models import Item
from datasets.served import get_served_release
from datasets.services.diff import PAGE, ReleasePair, make_pair
from datasets.services.lineage import list_holdings, rating_to_json, read_lineage
from datasets.services.policy import ReleaseRefused
from qsave.release.diff import Change, Kind
from qsave.release.encoding import ReleaseError
from qsave.words import isolate


class CannotBeRead(exceptions.APIException):
    """A release folder is damaged or has an earlier format, or no other release can be compared."""

    status_code = status.HTTP_409_CONFLICT


class DiffQuery(serializers.Serializer[None]):
    """`against` is the number of the other release of the campaign; without it, the next older one."""

    against = serializers.IntegerField(required=False, default=None, min_value=1)


class ChangesQuery(DiffQuery):
    """Which rows to list. Of targets only those whose MOS moved are listed, the largest move first."""

    kind = serializers.ChoiceField([kind.value for kind in Kind])
    start = serializers.IntegerField(required=False, default=0, min_value=0)


class DiffView(APIView):
    """What differs between a release and another one of its campaign, in numbers."""

    permission_classes = (HasRole,)
    required_role = Role.ENGINEER

    @extend_schema(parameters=[DiffQuery], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: int) -> Response:
        pair, _query = _read_pair(request, number, DiffQuery)
        try:
            return Response(pair.summarise().to_json())
        except ReleaseError as error:
            raise CannotBeRead(str(error)) from None


class ChangesView(APIView):
    """The rows that differ between two releases, some at a time; `next_start` is null on the last page."""

    permission_classes = (HasRole,)
    required_role = Role.ENGINEER

    @extend_schema(parameters=[ChangesQuery], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: int) -> Response:
        pair, query = _read_pair(request, number, ChangesQuery)
        try:
            changes, following = pair.read_page(Kind(query["kind"]), query["start"])
        except ReleaseError as error:
            raise CannotBeRead(str(error)) from None
        return Response(
            {"page_size": PAGE, "next_start": following, "changes": [_change_to_json(one) for one in changes]}
        )


class ReleaseClipView(APIView):
    """Where the rows of a clip in a release come from. Raters have pseudonyms. Drafts and reviews are those that
    existed when the release was frozen."""

    permission_classes = (HasRole,)
    required_role = Role.ENGINEER

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: int, clip_id: str) -> Response:
        release = get_served_release(number)
        try:
            lineage = read_lineage(release, clip_id)
        except (ReleaseRefused, ReleaseError) as error:
            raise CannotBeRead(str(error)) from None
        frozen = lineage.frozen
        if not frozen.is_known:
            raise Http404(_("Release %(number)s has no clip %(clip)s.") % {"number": number, "clip": isolate(clip_id)})
        return Response(
            {
                "clip": frozen.clip,
                "left_out": frozen.left_out,
                "targets": frozen.targets,
                "ratings": [rating_to_json(rating) for rating in lineage.ratings],
                "drafts": [
                    {"critic": one.critic, "created_at": one.created_at, "ratings": one.ratings}
                    for one in lineage.drafts
                ],
                "reviews": [
                    {"created_at": one.created_at, "scores": one.scores, "is_undone": one.is_undone}
                    for one in lineage.reviews
                ],
            }
        )


class ClipReleasesView(APIView):
    """The frozen releases that hold the ratings of a clip. `ratings` has an entry for each rating by its id."""

    permission_classes = (HasRole,)
    required_role = Role.LEAD

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, name: str, pk: int) -> Response:
        item = get_object_or_404(Item.objects.select_related("clip", "campaign"), campaign__name=name, pk=pk)
        return Response(
            [
                {
                    "release": holding.release.number,
                    "name": holding.release.name,
                    "ratings": {
                        key: {
                            "rater": row["rater"],
                            "revision": row.get("revision"),
                            "counted": row["counted"],
                            "not_counted_because": row["not_counted_because"],
                        }
                        for key, row in holding.ratings.items()
                    },
                }
                for holding in list_holdings(item)
            ]
        )


def _read_pair(request: Request, number: int, kind: type[DiffQuery]) -> tuple[ReleasePair, dict[str, Any]]:
    query = kind(data=request.query_params)
    query.is_valid(raise_exception=True)
    release = get_served_release(number)
    try:
        return make_pair(release, query.validated_data["against"]), query.validated_data
    except ReleaseRefused as refusal:
        raise CannotBeRead(str(refusal)) from None


def _change_to_json(change: Change) -> dict[str, Any]:
    return {
        "change": change.action.value,
        "clip_id": change.key.clip_id,
        "rater": change.key.rater,
        "rating_number": change.key.number if change.key.rater else None,
        "axis": change.axis,
        "differences": [one._asdict() for one in change.differences],
    }
