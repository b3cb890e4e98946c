"""The page of one clip of a campaign, for its lead: the clip, its marks, its reports and its ratings."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.agreement.clip_evidence import read_item, read_ratings
from annotation.campaigns import reports
from annotation.campaigns.forms import MarkForm
from annotation.campaigns.marking import mark_item, read_mark
from annotation.models import Campaign, Item
from qsave.axes import AXES
from qsave.words import isolate


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def campaign_item(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """Show one clip with its ratings, reports, mark and priority; POST saves mark and priority."""
    campaign = get_object_or_404(Campaign, name=name)
    item = read_item(campaign, pk)
    if item is None:
        raise Http404(_("There is no such clip in this campaign."))
    form = MarkForm(request.POST or None, initial=_read_marks(item))
    if request.method == "POST" and form.is_valid() and _save_marks(request, item, form):
        messages.success(request, _("Marks of %(clip)s saved.") % {"clip": isolate(item.clip.clip_id)})
        return redirect("campaign-item", name=name, pk=pk)
    labels = {defect["id"]: defect["label"] for defect in campaign.taxonomy}
    ratings = read_ratings(item)
    context = {"campaign": campaign, "item": item, "form": form, "ratings": ratings, "axes": AXES, "labels": labels}
    return render(request, "annotation/campaign_item.html", context)


def _read_marks(item: Item) -> dict[str, Any]:
    return {"mark": read_mark(item).value, "feedback": item.feedback, "priority": item.priority, **(item.gold or {})}


def _save_marks(request: AuthedRequest, item: Item, form: MarkForm) -> bool:
    values = form.cleaned_data
    scores = {axis.value: values[axis.value] for axis in AXES if values[axis.value] is not None}
    try:
        mark_item(
            actor=request.user,
            item=item,
            mark=values["mark"],
            scores=scores,
            feedback=values["feedback"],
            priority=values["priority"],
        )
    except ValidationError as refusal:
        form.add_refusal(refusal)
        return False
    return True


@role_required(Role.LEAD)
@require_POST
def give_out_item(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """Give out a clip again that is held back or, with a reason, one that is excluded, and settle its reports."""
    item = get_object_or_404(Item, campaign__name=name, pk=pk)
    try:
        reports.give_out_again(actor=request.user, item=item, reason=request.POST.get("reason", ""))
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, _("Raters can get this clip again."))
    return redirect("campaign-item", name=name, pk=pk)


@role_required(Role.LEAD)
@require_POST
def exclude_item(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """Exclude a clip from the campaign, with a reason, and settle its reports."""
    item = get_object_or_404(Item, campaign__name=name, pk=pk)
    try:
        reports.exclude(actor=request.user, item=item, reason=request.POST.get("reason", ""))
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, _("Clip excluded. Its ratings stay, but figures and the next release leave it out."))
    return redirect("campaign-item", name=name, pk=pk)
