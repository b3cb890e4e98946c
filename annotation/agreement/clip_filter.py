"""What a lead asks of the list of clips: filters, an axis and an order. They are read from the address of the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.forms.utils import flatatt
from django.http import QueryDict
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from annotation.models import Campaign, Clip, ItemDefect, ItemSummary, Slot, Split
from annotation.shared.number_fields import limit_number
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.words import isolate

COLUMN_SORTS = {
    "clip": "item_id",
    "generator": "generator",
    "split": "split",
    "state": "state",
    "ratings": "rating_count",
    "priority": "priority",
    "spread": "spread",
    "reports": "report_count",
}
"""Orders by a column of the summary; among equals, by item."""
TEXT_COLUMNS = frozenset({"generator", "split", "state"})
TALLY_SORTS = ("mos", "width")
"""Orders by a figure of the chosen axis, which follows from the tally."""
SORTS = (*COLUMN_SORTS, *TALLY_SORTS)
LONGEST_TEXT = 200
_AXIS_LABELS = [(axis.value, axis.value) for axis in AXES]
_MOS_LIMITS = limit_number(MIN_LEVEL, MAX_LEVEL, is_whole=False)


@dataclass(frozen=True, slots=True)
class ClipFilter:
    """Which clips to list, in which order. The figures in it are those of `axis`."""

    text: str = ""
    state: str = ""
    generator: str = ""
    split: str = ""
    rater: int | None = None
    defect: str = ""
    is_gold: bool = False
    has_reports: bool = False
    least_spread: int = 0
    mos_from: float | None = None
    mos_to: float | None = None
    least_width: float | None = None
    axis: Axis = AXES[0]
    sort: str = "clip"
    descending: bool = False

    @property
    def limits_figures(self) -> bool:
        return (self.mos_from, self.mos_to, self.least_width) != (None, None, None)

    @property
    def is_limited(self) -> bool:
        """True if the list may leave out a clip."""
        return self.limits_figures or self.limits_columns

    @property
    def limits_columns(self) -> bool:
        chosen = (self.text, self.state, self.generator, self.split, self.defect, self.is_gold, self.has_reports)
        return any(chosen) or self.rater is not None or self.least_spread > 0


def select_summaries(campaign: Campaign, wanted: ClipFilter) -> QuerySet[ItemSummary]:
    """Return the summaries of the clips wanted, unordered, without limits on figures."""
    rows = ItemSummary.objects.filter(campaign=campaign).order_by()
    if not wanted.state:
        rows = rows.exclude(state=ItemSummary.State.WITHDRAWN)
    columns = {name: getattr(wanted, name) for name in ("state", "generator", "split") if getattr(wanted, name)}
    rows = rows.filter(**columns)
    if wanted.is_gold:
        rows = rows.filter(is_gold=True)
    if wanted.has_reports:
        rows = rows.filter(report_count__gt=0)
    if wanted.least_spread:
        rows = rows.filter(spread__gte=wanted.least_spread)
    if wanted.defect:
        rows = rows.filter(item__in=ItemDefect.objects.filter(campaign=campaign, defect=wanted.defect).values("item"))
    if wanted.rater is not None:
        done = Slot.objects.filter(campaign=campaign, rater=wanted.rater, kind=Slot.Kind.SEAT, state=Slot.State.DONE)
        rows = rows.filter(item__in=done.values("item"))
    if wanted.text:
        clips = Clip.objects.filter(Q(clip_id__icontains=wanted.text) | Q(prompt__icontains=wanted.text))
        rows = rows.filter(item__clip__in=clips)
    return rows


FIRST_FIELDS = 5
"""How many filters the page shows before "More filters"."""


def keep_filters(given: QueryDict) -> str:
    """Return the filters and the order of an address, without what is empty, a position, or the version of a clip."""
    query = QueryDict(mutable=True)
    for name, value in given.items():
        if value and name not in ("after", "before", "at", "version"):
            query[name] = str(value)
    return query.urlencode()


class PlainSelect(forms.Select):
    """A select without groups, written at once: Django renders a template for each option."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        options = [
            (key, mark_safe(" selected") if str(key) == str(value or "") else "", label) for key, label in self.choices
        ]
        return format_html(
            '<select name="{}"{}>{}</select>',
            name,
            flatatt(self.build_attrs(self.attrs, attrs)),
            format_html_join("", '<option value="{}"{}>{}</option>', options),
        )


class ClipFilterForm(forms.Form):
    """The filters as fields of a GET form. A wrong value has an error at its field, and does not filter."""

    q = forms.CharField(label=_("Name or prompt"), required=False, max_length=LONGEST_TEXT)
    state = forms.ChoiceField(label=_("State"), required=False, widget=PlainSelect)
    generator = forms.ChoiceField(label=_("Generator"), required=False, widget=PlainSelect)
    split = forms.ChoiceField(label=_("Split"), required=False, widget=PlainSelect)
    axis = forms.ChoiceField(label=_("Axis"), required=False, widget=PlainSelect, choices=_AXIS_LABELS)
    rater = forms.CharField(label=_("Rated by"), required=False, max_length=150)
    defect = forms.ChoiceField(label=_("Defect"), required=False, widget=PlainSelect)
    spread = forms.ChoiceField(label=_("Score gap"), required=False, widget=PlainSelect)
    mos_from = forms.FloatField(label=_("MOS from"), required=False, **_MOS_LIMITS)
    mos_to = forms.FloatField(label=_("MOS to"), required=False, **_MOS_LIMITS)
    width = forms.FloatField(
        label=_("Interval width at least"), required=False, **limit_number(0, MAX_LEVEL - MIN_LEVEL, is_whole=False)
    )
    reports = forms.BooleanField(label=_("With open reports"), required=False)
    gold = forms.BooleanField(label=_("Golds only"), required=False)
    sort = forms.ChoiceField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any], *, campaign: Campaign, generators: list[str]) -> None:
        super().__init__(data, auto_id="filter-%s")
        everything = [("", _("all"))]
        self._set_choices("state", everything + list(ItemSummary.State.choices))
        self._set_choices("generator", everything + [(name, isolate(name)) for name in generators])
        self._set_choices("split", everything + [(split, split) for split in Split.values])
        defects = [(defect["id"], isolate(defect["label"])) for defect in campaign.taxonomy]
        self._set_choices("defect", everything + defects)
        gaps = [(str(gap), f"≥ {gap}") for gap in range(1, MAX_LEVEL - MIN_LEVEL + 1)]
        self._set_choices("spread", [("", _("any")), *gaps])
        self._set_choices("sort", [(f"{sign}{sort}", sort) for sort in SORTS for sign in ("", "-")])
        for name in ("mos_from", "mos_to", "width"):
            self.fields[name].widget.attrs["step"] = "0.1"
        self.fields["rater"].widget.attrs |= {"list": "filter-raters", "autocomplete": "off", "dir": "auto"}
        self.fields["q"].widget = forms.TextInput(attrs={"type": "search", "dir": "auto"})

    def list_first_fields(self) -> list[forms.BoundField]:
        """List the fields that the page always shows."""
        return self.visible_fields()[:FIRST_FIELDS]

    def list_more_fields(self) -> list[forms.BoundField]:
        """List the fields that open on demand."""
        return self.visible_fields()[FIRST_FIELDS:]

    def uses_more_fields(self) -> bool:
        return any(self.data.get(field.name) for field in self.list_more_fields() if field.name != "axis")

    def list_set_fields(self) -> list[tuple[forms.BoundField, str]]:
        """Return the fields that limit the list, each with its value in words. An axis only chooses figures."""
        self.is_valid()
        values = self.cleaned_data
        return [
            (self[name], self._describe_value(name))
            for name in self.fields
            if name not in ("axis", "sort") and values.get(name) not in (None, "", False)
        ]

    def _describe_value(self, name: str) -> str:
        """Return the value of a field as its control shows it; empty for a tick."""
        field, text = self.fields[name], str(self[name].value()).strip()
        if isinstance(field, forms.BooleanField):
            return ""
        if not isinstance(field, forms.ChoiceField):
            return isolate(text)
        choices: Any = field.choices
        return str(dict(choices)[text])

    def _set_choices(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean_rater(self) -> int | None:
        name = self.cleaned_data["rater"]
        if not name:
            return None
        rater = User.objects.filter(username=name).values_list("pk", flat=True).first()
        if rater is None:
            raise forms.ValidationError(_("Nobody has this name."))
        return rater

    def read_filter(self) -> ClipFilter:
        """Return the filter of the valid fields."""
        self.is_valid()
        values = self.cleaned_data
        sort = values.get("sort") or "clip"
        return ClipFilter(
            text=values.get("q", "").strip(),
            state=values.get("state", ""),
            generator=values.get("generator", ""),
            split=values.get("split", ""),
            rater=values.get("rater"),
            defect=values.get("defect", ""),
            is_gold=values.get("gold", False),
            has_reports=values.get("reports", False),
            least_spread=int(values.get("spread") or 0),
            mos_from=values.get("mos_from"),
            mos_to=values.get("mos_to"),
            least_width=values.get("width"),
            axis=Axis(values.get("axis") or AXES[0].value),
            sort=sort.removeprefix("-"),
            descending=sort.startswith("-"),
        )
