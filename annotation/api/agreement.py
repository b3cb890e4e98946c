"""The API of a campaign's agreement and MOS: the same figures as on its pages."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.agreement.axis_tallies import read_axis_tallies
from annotation.agreement.clip_list import list_generators
from annotation.agreement.details_json import details_to_json
from annotation.agreement.generator_pair import read_pair_items, read_prompt_pairs, read_prompts
from annotation.agreement.headlines import agreement_to_json
from annotation.agreement.measures_json import measures_to_json
from annotation.agreement.stored import StoredFigures, read_figures
from annotation.api.base import KeyPagination, RoleView
from annotation.models import Campaign, ItemSummary
from qsave.axes import AXES, Axis
from qsave.statistics.figures import Figure, Undefined
from qsave.statistics.mos import Mos

Summaries = Mapping[Axis, Mapping[int, Mos]]


class AgreementView(RoleView):
    @extend_schema(responses={200: OpenApiTypes.OBJECT, 202: OpenApiTypes.OBJECT})
    def get(self, request: Request, name: str) -> Response:
        """Show the figures of a campaign: agreement of blind and assisted ratings, anchoring, generators in pairs,
        raters, the prompts on which generators differ most, defects, and critics against blind ratings.

        A figure is {value, low, high, thin} or {undefined, thin}. `thin` is empty for a figure that can be read; else
        it is the sentence that says what the figure lacks, to be shown before it. `computed_at` is when the ratings
        were read; `state` is `computing` while newer figures follow. 202 if no figures are
        stored yet: ask again in a moment.
        """
        figures = read_figures(get_object_or_404(Campaign, name=name))
        if not figures.exists:
            return _answer_later(figures)
        parts = (agreement_to_json(figures), details_to_json(figures), measures_to_json(figures))
        return Response(_describe_state(figures) | {name: value for part in parts for name, value in part.items()})


class GeneratorMosView(RoleView):
    @extend_schema(responses={200: OpenApiTypes.OBJECT, 202: OpenApiTypes.OBJECT})
    def get(self, request: Request, name: str) -> Response:
        """Show the mean MOS of each generator on each axis, and the differences of pairs. 202 as for the agreement."""
        figures = read_figures(get_object_or_404(Campaign, name=name))
        if not figures.exists:
            return _answer_later(figures)
        every = agreement_to_json(figures)
        return Response(_describe_state(figures) | {name: every[name] for name in ("generators", "differences")})


class GeneratorPairView(RoleView):
    @extend_schema(
        parameters=[
            OpenApiParameter("first", str, required=True),
            OpenApiParameter("second", str, required=True),
            OpenApiParameter("axis", str, enum=[axis.value for axis in AXES]),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, name: str) -> Response:
        """Compare two generators prompt by prompt on one axis, largest difference first."""
        campaign = get_object_or_404(Campaign, name=name)
        first, second = request.query_params.get("first", ""), request.query_params.get("second", "")
        if first == second or not {first, second} <= set(list_generators(campaign)):
            raise exceptions.ValidationError({"first": [_("Choose two different generators of this campaign.")]})
        axis = _read_axis(request)
        pairs = read_prompt_pairs(campaign, first, second, axis)
        prompts = read_prompts([pair.item for pair in pairs])
        items = read_pair_items(campaign, [first, second], axis)
        rows = [
            {
                "prompt_group": pair.group,
                "prompt": prompts.get(pair.item, ""),
                "split": pair.split,
                "first": _round(pair.first),
                "second": _round(pair.second),
                "difference": _round(pair.difference),
                "first_items": items.get((pair.group, first), ()),
                "second_items": items.get((pair.group, second), ()),
            }
            for pair in pairs
        ]
        return Response({"first": first, "second": second, "axis": axis.value, "prompts": rows})


class ClipMosView(RoleView, GenericAPIView[ItemSummary]):
    pagination_class = KeyPagination

    def get_queryset(self) -> QuerySet[ItemSummary]:
        """Return the clips that have not been withdrawn, of one generator if the query names it."""
        campaign = get_object_or_404(Campaign, name=self.kwargs["name"])
        rows = ItemSummary.objects.filter(campaign=campaign).exclude(state=ItemSummary.State.WITHDRAWN)
        generator = self.request.query_params.get("generator")
        return (rows if generator is None else rows.filter(generator=generator)).select_related(
            "item__clip", "campaign"
        )

    @extend_schema(parameters=[OpenApiParameter("generator", str)], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, name: str) -> Response:
        """List the MOS of each clip by axis, with its 95% interval; an axis without a counted rating is null."""
        page = self.paginate_queryset(self.get_queryset()) or []
        summaries = {axis: read_axis_tallies(row.campaign, axis).summarise() for row in page[:1] for axis in AXES}
        return self.get_paginated_response([_clip_to_json(row, summaries) for row in page])


def _describe_state(figures: StoredFigures) -> dict[str, Any]:
    return {"state": figures.state.value, "computed_at": figures.computed_at}


def _answer_later(figures: StoredFigures) -> Response:
    detail = figures.error or _("The figures are being computed. Ask again in a moment.")
    return Response(
        _describe_state(figures) | {"detail": detail}, status=status.HTTP_202_ACCEPTED, headers={"Retry-After": "2"}
    )


def _read_axis(request: Request) -> Axis:
    text = request.query_params.get("axis", AXES[0].value)
    if text not in AXES:
        message = _("The axis is one of %(axes)s.") % {"axes": ", ".join(AXES)}
        raise exceptions.ValidationError({"axis": [message]})
    return Axis(text)


def _clip_to_json(row: ItemSummary, summaries: Summaries) -> dict[str, Any]:
    clip = row.item.clip
    return {
        "item": row.item_id,
        "clip": clip.clip_id,
        "generator": row.generator,
        "split": row.split,
        "prompt": clip.prompt,
    } | {axis.value: _mos_to_json(summaries[axis].get(getattr(row, f"{axis.value}_tally"))) for axis in AXES}


def _mos_to_json(mos: Mos | None) -> dict[str, Any] | None:
    if mos is None:
        return None
    return {"mos": _round(mos.mos), "n": mos.n, "sd": _round(mos.sd), "low": _round(mos.low), "high": _round(mos.high)}


def _round(value: Figure) -> float | None:
    return None if isinstance(value, Undefined) else round(value, 4) + 0.0  # never -0.0
