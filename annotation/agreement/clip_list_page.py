"""The list of a campaign's clips, for its lead: filters, columns that sort, and pages."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.agreement import clip_list
from annotation.agreement.axis_tallies import read_axis_tallies
from annotation.agreement.clip_filter import TEXT_COLUMNS, ClipFilter, ClipFilterForm, keep_filters
from annotation.agreement.clip_order import ClipOrder, Position
from annotation.agreement.clip_place import find_place
from annotation.campaigns.forms import OrderScoresForm
from annotation.campaigns.item_acts import MAX_ITEMS
from annotation.corrections.item_acts_page import ACTS
from annotation.models import Campaign
from annotation.shared.text import parse_number

COLUMNS: tuple[tuple[str, str | Promise, bool], ...] = (
    ("clip", _("Clip"), False),
    ("generator", _("Generator"), False),
    ("split", _("Split"), False),
    ("state", _("State"), False),
    ("ratings", _("Rated"), False),
    ("spread", _("Score gap"), True),
    ("mos", _("MOS"), False),
    ("width", _("Interval"), True),
    ("reports", _("Reports"), True),
)
"""Columns that sort: the order's name, the heading, and whether the highest comes first at the first click."""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading. `sort` is the order that its link asks for, `direction` the order of the page by it, if any."""

    name: str
    label: str | Promise
    sort: str
    direction: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is set, in words, and the address of the list without it."""

    name: str
    label: str
    value: str
    without: str


@role_required(Role.LEAD)
@require_safe
def campaign_items(request: AuthedRequest, name: str) -> HttpResponse:
    """List the clips that the address asks for.

    `after` and `before` are positions of the page's neighbours. `at` is a clip: the page is then the one around it.
    """
    campaign = get_object_or_404(Campaign, name=name)
    form = ClipFilterForm(request.GET, campaign=campaign, generators=clip_list.list_generators(campaign))
    wanted = form.read_filter()
    after, before = (_parse_position(request.GET.get(name, ""), wanted) for name in ("after", "before"))
    at = parse_number(request.GET.get("at", ""))
    place = None if at is None else find_place(campaign, wanted, at)
    after, before = (place.after, None) if place else (after, before)
    page = clip_list.read_clip_page(campaign, wanted, after=after, before=before)
    columns = list(_list_columns(campaign, wanted))
    context = {
        "campaign": campaign,
        "form": form,
        "filter": wanted,
        "chips": list(_list_chips(request.GET, form)),
        "columns": columns,
        "sorts": {column.name: column for column in columns},
        "page": page,
        "place_index": min(place.index, len(page.rows) - 1) if place else None,
        "previous": _write_position(page.previous),
        "next": _write_position(page.next),
        "filtered": keep_filters(request.GET),
        "raters": clip_list.list_raters(campaign),
        "scores_form": OrderScoresForm(),
        "most_items": MAX_ITEMS,
        "acts": ACTS.items(),
    }
    return render(request, "annotation/campaign_items.html", context)


@role_required(Role.LEAD)
@require_safe
def item_keys(request: AuthedRequest, name: str) -> HttpResponse:
    """List the keys of the clips that the address asks for, in its order, as many as one act takes."""
    campaign = get_object_or_404(Campaign, name=name)
    form = ClipFilterForm(request.GET, campaign=campaign, generators=clip_list.list_generators(campaign))
    wanted = form.read_filter()
    order = ClipOrder.of(campaign, wanted, read_axis_tallies(campaign, wanted.axis))
    return JsonResponse({"items": [item for _value, item in order.read_keys(None, limit=MAX_ITEMS)]})


def _list_columns(campaign: Campaign, wanted: ClipFilter) -> Iterator[Column]:
    priority = (("priority", _("Priority"), True),) if campaign.order == Campaign.Order.PRIORITY else ()
    for name, label, highest_first in (*COLUMNS, *priority):
        is_current = name == wanted.sort
        descending = not wanted.descending if is_current else highest_first
        direction = ("descending" if wanted.descending else "ascending") if is_current else ""
        yield Column(
            name, label, f"-{name}" if descending else name, direction, name not in TEXT_COLUMNS | {"clip", "reports"}
        )


def _list_chips(given: QueryDict, form: ClipFilterForm) -> Iterator[Chip]:
    for field, value in form.list_set_fields():
        others = given.copy()
        for name in (field.name, "after", "before", "at"):
            others.pop(name, None)
        yield Chip(field.name, str(field.label), value, f"?{others.urlencode()}")


def _write_position(position: Position | None) -> str:
    return "" if position is None else f"{position[0]},{position[1]}"


def _parse_position(text: str, wanted: ClipFilter) -> Position | None:
    """Return the position in an address; None, which is the first page, if it is not one of this order."""
    value, _comma, item = text.rpartition(",")
    is_number = wanted.sort not in TEXT_COLUMNS
    key = parse_number(item)
    if key is None or (is_number and parse_number(value.removeprefix("-")) is None):
        return None
    return value, key
