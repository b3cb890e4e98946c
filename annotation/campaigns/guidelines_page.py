"""The page on which a lead writes guidelines: the text, example clips for each level, a preview, earlier versions.

Only the button "save" stores anything. The form holds the text and the examples; each other button sends the form and
gets it back changed. This works without scripts; with scripts only the form is replaced.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.campaigns.forms import GuidelineForm
from annotation.campaigns.guidelines import MAX_NOTE_LENGTH, Example, group_by_level, read_examples, set_guidelines
from annotation.models import Campaign, Clip
from annotation.shared.levels import list_level_names
from annotation.shared.text import clean_text, parse_number
from qsave.axes import AXES

MAX_RESULTS = 12


@dataclass(slots=True)
class Sheet:
    """The current content of the form."""

    examples: list[Example]
    axis: str = AXES[0].value
    level: int = 3
    query: str = ""
    results: list[Clip] | None = None
    preview_text: str | None = None


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def campaign_guidelines(request: AuthedRequest, name: str) -> HttpResponse:
    """Edit the guidelines; POST with `save` stores the next version, other buttons change the form."""
    campaign = get_object_or_404(Campaign, name=name)
    versions = campaign.guidelines.select_related("created_by").order_by("-number")
    newest = versions.first()
    if request.method == "POST":
        sheet = _read_sheet(campaign, request.POST)
        form = GuidelineForm(request.POST)
    else:
        sheet = Sheet(read_examples(newest) if newest else [])
        form = GuidelineForm(initial={"text": newest.text if newest else ""})
    if "save" in request.POST and form.is_valid() and _save(request, campaign, form, sheet.examples):
        return redirect("campaign-guidelines", name=name)
    context = _build_context(campaign, sheet, form) | {"newest": newest, "versions": versions}
    if "older" in request.GET:
        context["older"] = _read_older_version(campaign, request.GET["older"])
    return render(request, "annotation/campaign_guidelines.html", context)


def _save(request: AuthedRequest, campaign: Campaign, form: GuidelineForm, examples: list[Example]) -> bool:
    try:
        guideline = set_guidelines(
            actor=request.user, campaign=campaign, text=form.cleaned_data["text"], examples=examples
        )
    except ValidationError as refusal:
        form.add_error(None, refusal.messages)
        return False
    messages.success(request, _("Version %(number)s of the guidelines saved.") % {"number": guideline.number})
    return True


def _build_context(campaign: Campaign, sheet: Sheet, form: GuidelineForm) -> dict[str, Any]:
    return {
        "campaign": campaign,
        "form": form,
        "sheet": sheet,
        "axes": AXES,
        "levels": list_level_names(),
        "note_length": MAX_NOTE_LENGTH,
        "preview": group_by_level(sheet.examples) if sheet.preview_text is not None else [],
    }


def _read_older_version(campaign: Campaign, text: str) -> dict[str, Any]:
    guideline = campaign.guidelines.filter(number=parse_number(text) or 0).first()  # versions count from 1
    if guideline is None:
        raise Http404(_("These guidelines have no such version."))
    return {"guideline": guideline, "examples": group_by_level(read_examples(guideline))}


def _read_sheet(campaign: Campaign, post: QueryDict) -> Sheet:
    sheet = Sheet(list(_read_examples(campaign, post)), query=clean_text(post.get("q", ""))[:200])
    sheet.axis = post.get("axis", sheet.axis)
    sheet.level = parse_number(post.get("level", "")) or sheet.level
    added = parse_number(post.get("add", ""))
    if added:
        clips = Clip.objects.filter(pk=added, items__campaign=campaign)
        sheet.examples += [Example(sheet.axis, sheet.level, clip) for clip in clips]
    if "look" in post:
        sheet.preview_text = post.get("text", "")
    if "find" in post or added:
        sheet.results = _find_clips(campaign, sheet.query)
    return sheet


def _read_examples(campaign: Campaign, post: QueryDict) -> Iterator[Example]:
    """Yield the examples in the form, without the removed one and without malformed ones."""
    columns = zip(*(post.getlist(f"example-{part}") for part in ("axis", "level", "clip", "note")), strict=False)
    rows = [(axis, parse_number(level), parse_number(clip), note) for axis, level, clip, note in columns]
    clips = Clip.objects.in_bulk([clip for _axis, _level, clip, _note in rows if clip])
    for position, (axis, level, clip, note) in enumerate(rows):
        if str(position) != post.get("out") and clip in clips and level:
            yield Example(axis, level, clips[clip], note)


def _find_clips(campaign: Campaign, query: str) -> list[Clip]:
    clips = Clip.objects.filter(items__campaign=campaign, withdrawn_at=None, is_ready=True).order_by("pk")
    if query:
        clips = clips.filter(Q(clip_id__icontains=query) | Q(prompt__icontains=query))
    return list(clips[:MAX_RESULTS])
