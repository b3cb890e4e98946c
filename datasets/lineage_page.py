"""Pages of lineage: where the rows of a clip in a release come from, and which releases hold the ratings of a clip."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.models import Item, Rating
from datasets.models import Release
from datasets.services.lineage import ClipLineage, FrozenRating, list_holdings, read_lineage
from datasets.services.policy import ReleaseRefused
from qsave.axes import AXES
from qsave.release.encoding import ReleaseError
from qsave.words import isolate


@role_required(Role.ENGINEER)
@require_safe
def release_clip(request: AuthedRequest, number: int) -> HttpResponse:
    """Show where the rows of one clip in a release come from; the address names the clip as `id`."""
    release = get_object_or_404(Release.objects.select_related("campaign"), number=number)
    clip_id = request.GET.get("id", "").strip()
    context: dict[str, Any] = {"release": release, "clip_id": clip_id, "axes": AXES}
    status = 200
    if clip_id:
        try:
            lineage = read_lineage(release, clip_id)
        except (ReleaseRefused, ReleaseError) as refusal:
            context["refusal"] = str(refusal)
        else:
            if lineage.frozen.is_known:
                context |= _describe(lineage)
            else:
                status = 404
                context["refusal"] = _("%(release)s has no clip %(clip)s, and it was not left out either.") % {
                    "release": isolate(release),
                    "clip": isolate(clip_id),
                }
    return render(request, "datasets/release_clip.html", context, status=status)


def _describe(lineage: ClipLineage) -> dict[str, Any]:
    return {
        "lineage": lineage,
        "clip": lineage.frozen.clip,
        "ratings": [_describe_rating(rating) for rating in lineage.ratings],
        "counted": sum(bool(row["counted"]) for row in lineage.frozen.ratings),
    }


def _describe_rating(rating: FrozenRating) -> dict[str, Any]:
    row = rating.row
    axes = [
        {
            "axis": axis,
            **{name: row[f"{axis}_{name}"] for name in ("score", "weight", "draft_use", "reason", "defects")},
        }
        for axis in AXES
    ]
    return {"row": row, "axes": axes, "is_edited_since": rating.is_edited_since}


@role_required(Role.LEAD)
@require_safe
def clip_releases(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """Show a lead which frozen releases hold the ratings of a clip, and which of them count there."""
    item = get_object_or_404(Item.objects.select_related("clip", "campaign"), campaign__name=name, pk=pk)
    holdings = list_holdings(item)
    ratings = Rating.objects.filter(item=item).select_related("rater").order_by("pk")
    rows = [(rating, [holding.ratings.get(rating.pk) for holding in holdings]) for rating in ratings]
    context = {"campaign": item.campaign, "item": item, "holdings": holdings, "rows": rows}
    return render(request, "datasets/clip_releases.html", context)
