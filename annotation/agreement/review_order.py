"""The review queue: the disputed clips of a campaign, most disputed first, and the clips beside one of them.

A page begins after an item. The dispute of that item is computed again each time, so an address stays valid while
ratings come in, and the last page costs as much as the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django import forms
from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from annotation.agreement.axis_tallies import read_axis_tallies
from annotation.agreement.clip_filter import PlainSelect
from annotation.campaigns.disputes import PRECISION, annotate_disputes, select_disputed
from annotation.models import Campaign, ItemSummary, Split
from qsave.axes import AXES, Axis
from qsave.statistics.mos import choose_prior_sd
from qsave.words import isolate

PAGE_SIZE = 50
_FIRST = "SELECT item_id FROM disputed ORDER BY dispute DESC, item_id LIMIT %s"
_AFTER = """SELECT item_id FROM disputed WHERE dispute < %s OR (dispute = %s AND item_id > %s)
    ORDER BY dispute DESC, item_id LIMIT %s"""
_BEFORE = """SELECT item_id FROM disputed WHERE dispute > %s OR (dispute = %s AND item_id < %s)
    ORDER BY dispute, item_id DESC LIMIT %s"""
_NEIGHBOURS = f"""SELECT item_id FROM (SELECT 1 AS number, MAX(item_id) AS item_id FROM ({_BEFORE}) previous
    UNION ALL SELECT 2, MAX(item_id) FROM ({_AFTER}) following) neighbours ORDER BY number"""  # noqa: S608 - made of the two above
COUNT_LIMIT = 1000
WAITING, REVIEWED, ALL = "waiting", "reviewed", "all"


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which disputed clips to list; `axis` limits the dispute itself to one axis."""

    axis: Axis | None = None
    generator: str = ""
    split: str = ""
    reviewed: str = WAITING

    @property
    def axes(self) -> Sequence[Axis]:
        return AXES if self.axis is None else (self.axis,)


class QueueFilterForm(forms.Form):
    """The filters as fields of a GET form. A wrong value has an error at its field, and does not filter."""

    axis = forms.ChoiceField(label=_("Disputed on"), required=False, widget=PlainSelect)
    generator = forms.ChoiceField(label=_("Generator"), required=False, widget=PlainSelect)
    split = forms.ChoiceField(label=_("Split"), required=False, widget=PlainSelect)
    reviewed = forms.ChoiceField(label=_("Reviewed"), required=False, widget=PlainSelect)

    def __init__(self, data: Mapping[str, Any], *, generators: Sequence[str]) -> None:
        super().__init__(data, auto_id="filter-%s")
        self._set_choices("axis", [("", _("any axis")), *((axis.value, axis.value) for axis in AXES)])
        self._set_choices("generator", [("", _("all")), *((name, isolate(name)) for name in generators)])
        self._set_choices("split", [("", _("all")), *((split, split) for split in Split.values)])
        self._set_choices("reviewed", [("", _("not yet")), (REVIEWED, _("reviewed")), (ALL, _("all"))])

    def _set_choices(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def read_filter(self) -> QueueFilter:
        """Return the filter of the valid fields."""
        self.is_valid()
        values = self.cleaned_data
        axis = values.get("axis")
        return QueueFilter(
            Axis(axis) if axis else None,
            values.get("generator", ""),
            values.get("split", ""),
            values.get("reviewed") or WAITING,
        )


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A disputed clip: its summary with the clip, and its dispute."""

    summary: ItemSummary
    dispute: float

    @property
    def axes(self) -> list[tuple[Axis, int, bool, int]]:
        """Each axis with its score gap, whether it has no consensus, and its number of contested defects."""
        names = ("gap", "is_split", "contested")
        return [(axis, *(getattr(self.summary, f"{axis.value}_{name}") for name in names)) for axis in AXES]


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of the queue. `next` is the item after which the next page begins; None at the end."""

    rows: Sequence[QueueRow]
    count: int
    next: int | None

    @property
    def is_more_than_counted(self) -> bool:
        return self.count > COUNT_LIMIT


@dataclass(frozen=True)
class ReviewOrder:
    """The disputed clips wanted, in their order: the most disputed first, and among equals the oldest."""

    campaign: Campaign
    wanted: QueueFilter

    @cached_property
    def spreads(self) -> dict[Axis, float]:
        """The pooled SD of each axis that the filter takes. One query for each."""
        return {axis: choose_prior_sd(read_axis_tallies(self.campaign, axis).spread.sd) for axis in self.wanted.axes}

    def read_keys(self, after: int | None, *, limit: int) -> list[int]:
        """Return the items after an item; from the first without. Two queries beside those of the spreads."""
        if after is None:
            return self._read(_FIRST, [limit])
        dispute = self.read_dispute(after)
        return [] if dispute is None else self._read(_AFTER, [dispute, dispute, after, limit])

    def find_neighbours(self, item: int) -> tuple[int | None, int | None]:
        """Return the items before and after one of the campaign, None at the ends. Two queries beside the spreads."""
        dispute = self.read_dispute(item)
        if dispute is None:
            return None, None
        position = [dispute, dispute, item, 1]
        before, after = self._read(_NEIGHBOURS, position * 2)
        return before, after

    def _read(self, statement: str, values: list[int]) -> list[Any]:
        """Run a statement on the clips wanted, which computes each dispute once."""
        sql, params = self._annotate(self._select()).values_list("item_id", "dispute").query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(f"WITH disputed AS MATERIALIZED ({sql}) {statement}", [*params, *values])
            return [item for (item,) in cursor.fetchall()]

    def read_dispute(self, item: int) -> int | None:
        """Return the dispute of an item of the campaign, in 1/PRECISION, whether it is wanted or not."""
        rows = self._annotate(ItemSummary.objects.filter(campaign=self.campaign, pk=item))
        return rows.values_list("dispute", flat=True).first()

    def count(self) -> int:
        """Return the number of clips wanted, up to COUNT_LIMIT + 1."""
        return self._select()[: COUNT_LIMIT + 1].count()

    def read_page(self, after: int | None) -> QueuePage:
        """Read the page after an item, or the first one. Seven queries."""
        keys = self.read_keys(after, limit=PAGE_SIZE + 1)
        page = keys[:PAGE_SIZE]
        rows = self._annotate(ItemSummary.objects.filter(pk__in=page)).select_related("item__clip")
        by_key = {row.pk: row for row in rows.defer("item__clip__frame_times", "item__clip__shown_times")}
        return QueuePage(
            rows=[QueueRow(by_key[key], by_key[key].dispute / PRECISION) for key in page if key in by_key],
            count=self.count(),
            next=page[-1] if len(keys) > PAGE_SIZE else None,
        )

    def _annotate(self, rows: QuerySet[ItemSummary]) -> QuerySet[Any]:
        return annotate_disputes(rows, self.spreads, self.wanted.axes)

    def _select(self) -> QuerySet[ItemSummary]:
        wanted = self.wanted
        rows = ItemSummary.objects.filter(
            select_disputed(self.campaign.disagreement_bound, wanted.axes), campaign=self.campaign
        )
        if wanted.reviewed != ALL:
            rows = rows.filter(is_reviewed=wanted.reviewed == REVIEWED)
        columns = {name: value for name in ("generator", "split") if (value := getattr(wanted, name))}
        return rows.filter(**columns).order_by()
