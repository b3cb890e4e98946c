"""The page of a release's rows: a table with targets and reasons, as they were frozen."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.models import Item
from annotation.shared.number_fields import LARGEST_INTEGER, limit_number
from datasets.models import Release
from datasets.services.frozen_rows import FrozenRow, RowFilter, read_page
from datasets.services.policy import ReleaseRefused
from datasets.services.releases import locate_release
from qsave.release.encoding import ReleaseError
from qsave.splits import SPLITS


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A frozen row beside the clip as it is today: its item, unless the clip has left the campaign."""

    row: FrozenRow
    item: Item | None

    @property
    def is_replaced(self) -> bool:
        """Whether the clip has another file by now, which is not the one that was rated."""
        return self.item is not None and self.item.clip.sha256 != self.row.clip["sha256"]

    @property
    def has_poster(self) -> bool:
        item = self.item
        return item is not None and not self.is_replaced and item.clip.is_ready and item.clip.withdrawn_at is None


class RowsForm(forms.Form):
    """The filter of the rows; choices that a release does not have are ignored."""

    split = forms.ChoiceField(choices=[("", ""), *((split, split) for split in SPLITS)], required=False)
    generator = forms.ChoiceField(label=_("Generator"), required=False)
    text = forms.CharField(
        label=_("Words of the prompt or id"), required=False, max_length=200, widget=forms.TextInput({"type": "search"})
    )
    page = forms.IntegerField(required=False, **limit_number(1, LARGEST_INTEGER))

    def __init__(self, data: Mapping[str, Any], generators: Sequence[str]) -> None:
        super().__init__(data, auto_id="rows-%s")
        self.fields["generator"] = forms.ChoiceField(
            label=_("Generator"), choices=[("", _("All")), *((name, name) for name in generators)], required=False
        )

    def read(self) -> tuple[RowFilter, int]:
        self.is_valid()
        values = self.cleaned_data
        wanted = RowFilter(*(values.get(name, "") for name in ("split", "generator", "text")))
        return wanted, values.get("page") or 1


@role_required(Role.ENGINEER)
@require_safe
def release_rows(request: AuthedRequest, number: int) -> HttpResponse:
    """Show a page of the rows of a frozen release."""
    release = get_object_or_404(Release.objects.select_related("campaign"), number=number)
    form = RowsForm(request.GET, sorted(release.counts.get("generators", {})))
    wanted, page_number = form.read()
    try:
        page = read_page(locate_release(release), wanted, page_number)
    except (ReleaseRefused, ReleaseError) as refusal:
        messages.error(request, str(refusal))
        return redirect("release", number=number)
    context = {
        "release": release,
        "form": form,
        "filter": wanted,
        "tabs": _list_tabs(release, wanted),
        "page": page,
        "rows": _find_items(release, page.rows),
        "query": _make_query(wanted),
    }
    return render(request, "datasets/rows.html", context)


def _find_items(release: Release, rows: Sequence[FrozenRow]) -> list[ShownRow]:
    """Find the items of the rows, with one query."""
    ids = [row.clip["id"] for row in rows]
    items = Item.objects.filter(campaign=release.campaign_id, clip__clip_id__in=ids).select_related("clip")
    by_id = {item.clip.clip_id: item for item in items}
    return [ShownRow(row, by_id.get(row.clip["id"])) for row in rows]


def _list_tabs(release: Release, wanted: RowFilter) -> list[tuple[str, str, int, bool]]:
    """Return split, query, number of clips and whether it is chosen; the first tab has all splits."""
    clips: Mapping[str, int] = release.counts.get("clips", {})
    sizes = {"": sum(clips.values()), **{split: clips.get(split, 0) for split in SPLITS}}
    return [(split, _make_query(wanted, split=split), size, split == wanted.split) for split, size in sizes.items()]


def _make_query(wanted: RowFilter, **changes: str) -> str:
    return urlencode({name: value for name, value in (asdict(wanted) | changes).items() if value})
