"""The page that compares two generators: how they differ on each axis, and their clips of a prompt side by side."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import Http404, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.access import AuthedRequest, role_required
from accounts.downloads import send_csv
from accounts.models import Role
from annotation.agreement.clip_list import list_generators
from annotation.agreement.generator_pair import (
    PromptPair,
    read_pair_items,
    read_prompt_pairs,
    read_prompts,
    write_pair_csv,
)
from annotation.agreement.plots import plot_prompt_pairs
from annotation.agreement.stored import StoredFigures, read_figures
from annotation.models import Campaign, Item, Split
from annotation.rating.desk_presenter import compute_frame_rate, list_frame_gaps
from annotation.shared.media_urls import locate_media
from annotation.shared.text import parse_number
from qsave.axes import AXES, Axis
from qsave.statistics.evidence import DIFFERENCE, weigh
from qsave.statistics.generators import PairedDifference
from qsave.words import isolate

PAGE = 50
"""Prompts on one page of the table."""


class PairForm(forms.Form):
    """Which two generators to compare, and which prompts to list. A wrong value counts as none."""

    first = forms.ChoiceField(label=gettext_lazy("First generator"))
    second = forms.ChoiceField(label=gettext_lazy("Second generator"))
    axis = forms.ChoiceField(label=gettext_lazy("Axis"), choices=[(axis.value, axis.value) for axis in AXES])
    split = forms.ChoiceField(
        label=gettext_lazy("Split"),
        required=False,
        choices=[("", gettext_lazy("all")), *((split, split) for split in Split.values)],
    )
    q = forms.CharField(label=gettext_lazy("Text of the prompt"), required=False, max_length=200)
    order = forms.ChoiceField(
        label=gettext_lazy("Order of prompts"),
        choices=[
            ("gap", gettext_lazy("largest difference first")),
            ("first", gettext_lazy("first generator far better")),
            ("second", gettext_lazy("second generator far better")),
        ],
    )

    def __init__(self, given: QueryDict, generators: list[str]) -> None:
        values = {"first": generators[0], "second": generators[1], "axis": AXES[0].value, "order": "gap"}
        super().__init__(values | {name: value for name, value in given.items() if value}, auto_id="pair-%s")
        for name in ("first", "second"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [(generator, isolate(generator)) for generator in generators]
        self.fields["q"].widget = forms.TextInput(attrs={"type": "search", "dir": "auto"})

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("first") and values.get("first") == values.get("second"):
            self.add_error("second", _("Choose two different generators."))
        return values


@dataclass(frozen=True, slots=True)
class AxisVerdict:
    """The stored difference of the two generators on one axis; None if one of them has no rated clip."""

    axis: Axis
    pair: PairedDifference | None

    @property
    def thin(self) -> str:
        """The sentence to show first if the two have too few prompts in common; otherwise empty."""
        return weigh(self.pair.difference, scale=DIFFERENCE).thin if self.pair else ""


@role_required(Role.LEAD)
@require_safe
def generator_pair(request: AuthedRequest, name: str) -> HttpResponse:
    """Compare two generators on the same prompts; one prompt's clips play side by side."""
    campaign = get_object_or_404(Campaign, name=name)
    generators = list_generators(campaign)
    context: dict[str, Any] = {"campaign": campaign, "axes": AXES}
    if len(generators) > 1:
        context["form"] = form = PairForm(request.GET, generators)
        if form.is_valid():
            context |= _read_pair(campaign, form.cleaned_data, request.GET)
    return render(request, "annotation/generator_pair.html", context)


@role_required(Role.LEAD)
@require_safe
def generator_pair_file(request: AuthedRequest, name: str) -> StreamingHttpResponse:
    """Send the comparison of two generators as CSV, one line for each axis and prompt group."""
    campaign = get_object_or_404(Campaign, name=name)
    generators = list_generators(campaign)
    first, second = request.GET.get("first", ""), request.GET.get("second", "")
    if first == second or not {first, second} <= set(generators):
        raise Http404(_("Choose two different generators of this campaign."))
    return send_csv(write_pair_csv(campaign, first, second), f"generators-{campaign.name}.csv")


def _read_pair(campaign: Campaign, wanted: dict[str, Any], given: QueryDict) -> dict[str, Any]:
    """Return what the page shows of two generators. A bounded number of queries, whatever the campaign's size."""
    first, second, axis = wanted["first"], wanted["second"], Axis(wanted["axis"])
    figures = read_figures(campaign)
    filters = {"split": wanted["split"], "text": wanted["q"]}
    pairs = read_prompt_pairs(campaign, first, second, axis, order=wanted["order"], **filters)
    place = _find_place(pairs, parse_number(given.get("prompt", "")))
    chosen_page = parse_number(given.get("page", ""))
    page = place // PAGE if chosen_page is None else chosen_page
    rows = pairs[page * PAGE : (page + 1) * PAGE]
    current = pairs[place] if pairs else None
    takes = _list_takes(campaign, current, first, second, axis) if current else []
    prompts = read_prompts({pair.item for pair in (*rows, *([current] if current else []))})
    return {
        "first": first,
        "second": second,
        "axis": axis,
        "figures": figures,
        "verdicts": _list_verdicts(figures, first, second),
        "count": len(pairs),
        "is_filtered": any(filters.values()),
        "rows": [(pair, prompts.get(pair.item, "")) for pair in rows],
        "shown": current,
        "shown_prompt": prompts.get(current.item, "") if current else "",
        "players": _read_players(current, takes, parse_number(given.get("take", "")) or 0) if current else None,
        "takes": range(len(takes)),
        "previous": pairs[place - 1].group if place else None,
        "next": pairs[place + 1].group if place + 1 < len(pairs) else None,
        "previous_page": page - 1 if page > 0 else None,
        "next_page": page + 1 if (page + 1) * PAGE < len(pairs) else None,
        "query": _keep_query(wanted),
        "plot": plot_prompt_pairs(campaign, first, second, axis, pairs),
    }


def _find_place(pairs: list[PromptPair], group: int | None) -> int:
    """Return the position of a prompt group in the list; that of the first one if it is not listed."""
    return next((place for place, pair in enumerate(pairs) if pair.group == group), 0)


def _list_verdicts(figures: StoredFigures, first: str, second: str) -> list[AxisVerdict]:
    """Return the stored difference of the two on each axis; empty if no figures are stored yet."""
    if not figures.exists:
        return []
    return [
        AxisVerdict(axis, next((pair for pair in pairs if {pair.first, pair.second} == {first, second}), None))
        for axis, pairs in figures.differences.items()
    ]


def _list_takes(campaign: Campaign, pair: PromptPair, first: str, second: str, axis: Axis) -> list[tuple[int, int]]:
    """Return which items of a prompt play side by side. The fewer clips of one generator begin again. One query."""
    items = read_pair_items(campaign, [first, second], axis, [pair.group])
    own, others = (items.get((pair.group, generator), ()) for generator in (first, second))
    if not own or not others:  # withdrawn in the meantime
        return []
    return [(own[take % len(own)], others[take % len(others)]) for take in range(max(len(own), len(others)))]


def _read_players(pair: PromptPair, takes: list[tuple[int, int]], take: int) -> list[dict[str, Any]]:
    """Return what a player needs of one clip of each generator. One query."""
    if not takes:
        return []
    keys = takes[take % len(takes)]
    items = Item.objects.select_related("clip", "summary").in_bulk(keys)
    return [
        {
            "item": items[key],
            "clip": items[key].clip,
            "fps": compute_frame_rate(items[key].clip),
            "gaps": list_frame_gaps(items[key].clip),
            "video_url": locate_media("video", items[key].clip),
            "mos": mos,
        }
        for key, mos in zip(keys, (pair.first, pair.second), strict=True)
        if key in items
    ]


def _keep_query(wanted: dict[str, Any]) -> str:
    """Return the address part with the form's values, without position."""
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in wanted.items() if value})
    return query.urlencode()
