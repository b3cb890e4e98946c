"""The page on which a lead writes guidelines: the text, example clips for each level, a look, the earlier versions.

Nothing is stored before "save": the form carries text and examples, and each of its other buttons answers with the
form as it then is. So it works without scripts, and with them only the form is swapped.
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
from annotation.shared.levels import level_names
from qsave.axes import AXES

FOUND = 12


@dataclass(slots=True)
class Sheet:
    """What the form holds at the moment."""

    examples: list[Example]
    axis: str = AXES[0].value
    level: int = 3
    query: str = ""
    found: list[Clip] | None = None
    shown: str | None = None


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def campaign_guidelines(request: AuthedRequest, name: str) -> HttpResponse:
    """Writes the next version of the guidelines, with a look at how it will read."""
    campaign = get_object_or_404(Campaign, name=name)
    versions = campaign.guidelines.select_related("created_by").order_by("-number")
    newest = versions.first()
    if request.method == "POST":
        sheet = _posted(campaign, request.POST)
        form = GuidelineForm(request.POST)
    else:
        sheet = Sheet(read_examples(newest) if newest else [])
        form = GuidelineForm(initial={"text": newest.text if newest else ""})
    if "save" in request.POST and form.is_valid() and _save(request, campaign, form, sheet.examples):
        return redirect("campaign-guidelines", name=name)
    context = _context(campaign, sheet, form) | {"newest": newest, "versions": versions}
    if "older" in request.GET:
        context["older"] = _older(campaign, request.GET["older"])
    return render(request, "annotation/campaign_guidelines.html", context)


def _save(request: AuthedRequest, campaign: Campaign, form: GuidelineForm, examples: list[Example]) -> bool:
    try:
        guideline = set_guidelines(
            actor=request.user, campaign=campaign, text=form.cleaned_data["text"], examples=examples
        )
    except ValidationError as refusal:
        form.add_error(None, refusal.messages)
        return False
    messages.success(request, _("Version %(number)s of the guidelines is saved.") % {"number": guideline.number})
    return True


def _context(campaign: Campaign, sheet: Sheet, form: GuidelineForm) -> dict[str, Any]:
    return {
        "campaign": campaign,
        "form": form,
        "sheet": sheet,
        "axes": AXES,
        "levels": level_names(),
        "note_length": MAX_NOTE_LENGTH,
        "preview": group_by_level(sheet.examples) if sheet.shown is not None else [],
    }


def _older(campaign: Campaign, number: str) -> dict[str, Any]:
    known = number.isascii() and number.isdigit() and len(number) < 10
    guideline = campaign.guidelines.filter(number=int(number)).first() if known else None
    if guideline is None:
        raise Http404(_("There is no such version of these guidelines."))
    return {"guideline": guideline, "examples": group_by_level(read_examples(guideline))}


# ---- reading the form


def _posted(campaign: Campaign, post: QueryDict) -> Sheet:
    sheet = Sheet(list(_posted_examples(campaign, post)), query=post.get("q", "").strip()[:200])
    sheet.axis = post.get("axis", sheet.axis)
    sheet.level = _number(post.get("level", "")) or sheet.level
    added = _number(post.get("add", ""))
    if added:
        clips = Clip.objects.filter(pk=added, items__campaign=campaign)
        sheet.examples += [Example(sheet.axis, sheet.level, clip) for clip in clips]
    if "look" in post:
        sheet.shown = post.get("text", "")
    if "find" in post or added:
        sheet.found = _find(campaign, sheet.query)
    return sheet


def _posted_examples(campaign: Campaign, post: QueryDict) -> Iterator[Example]:
    """The examples that the form carries, without those that are to go. Ones that cannot be read are left out."""
    columns = zip(*(post.getlist(f"example-{part}") for part in ("axis", "level", "clip", "note")), strict=False)
    rows = [(axis, _number(level), _number(clip), note) for axis, level, clip, note in columns]
    clips = Clip.objects.in_bulk([clip for _axis, _level, clip, _note in rows if clip])
    for place, (axis, level, clip, note) in enumerate(rows):
        if str(place) != post.get("out") and clip in clips and level:
            yield Example(axis, level, clips[clip], note)


def _find(campaign: Campaign, query: str) -> list[Clip]:
    clips = Clip.objects.filter(items__campaign=campaign).order_by("pk")
    if query:
        clips = clips.filter(Q(clip_id__icontains=query) | Q(prompt__icontains=query))
    return list(clips[:FOUND])


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
