"""The lead's pages of a campaign's clips: the list with its filters, one clip with its marks, scores for the order."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.campaigns import items as reads
from annotation.campaigns import reports
from annotation.campaigns.forms import MarkForm, OrderScoresForm
from annotation.campaigns.marking import mark_item, mark_of, read_order_scores, set_order_scores, set_priority
from annotation.models import Campaign, Item
from qsave.axes import AXES
from qsave.words import isolate

KIND_WORDS = {
    "all": gettext_lazy("All"),
    "unrated": gettext_lazy("Not rated yet"),
    "rated": gettext_lazy("Fully rated"),
    "disagreed": gettext_lazy("Raters disagree"),
    "gold": gettext_lazy("Golds"),
    "qualification": gettext_lazy("Qualification"),
    "reported": gettext_lazy("Reported"),
    "excluded": gettext_lazy("Excluded"),
}


@role_required(Role.LEAD)
@require_safe
def campaign_items(request: AuthedRequest, name: str) -> HttpResponse:
    """The clips of one kind, or with some words in name or prompt, a page at a time (`after` is the last one shown)."""
    campaign = get_object_or_404(Campaign, name=name)
    kind, query = request.GET.get("kind", "all"), request.GET.get("q", "").strip()[:200]
    if kind not in reads.KINDS:
        raise Http404(_("There is no such kind of clip."))
    items, more = reads.items_page(campaign, kind=kind, query=query, after=_key(request.GET.get("after", "")))
    counts = reads.counts(campaign)
    context = {
        "campaign": campaign,
        "kinds": [(each, KIND_WORDS[each], counts[each]) for each in reads.KINDS],
        "kind": kind,
        "query": query,
        "items": items,
        "more": more,
        "axes": AXES,
        "scores_form": OrderScoresForm(),
    }
    return render(request, "annotation/campaign_items.html", context)


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def campaign_item(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """One clip: what raters said and reported of it, its mark and its priority."""
    campaign = get_object_or_404(Campaign, name=name)
    item = reads.one_item(campaign, pk)
    if item is None:
        raise Http404(_("There is no such clip in this campaign."))
    form = MarkForm(request.POST or None, initial=_marks(item))
    if request.method == "POST" and form.is_valid() and _mark(request, item, form):
        messages.success(request, _("The marks of %(clip)s are saved.") % {"clip": isolate(item.clip.clip_id)})
        return redirect("campaign-item", name=name, pk=pk)
    labels = {defect["id"]: defect["label"] for defect in campaign.taxonomy}
    said = reads.said_of(item)
    context = {"campaign": campaign, "item": item, "form": form, "said": said, "axes": AXES, "labels": labels}
    return render(request, "annotation/campaign_item.html", context)


def _marks(item: Item) -> dict[str, Any]:
    return {"mark": mark_of(item).value, "feedback": item.feedback, "priority": item.priority, **(item.gold or {})}


def _mark(request: AuthedRequest, item: Item, form: MarkForm) -> bool:
    said = form.cleaned_data
    scores = {axis.value: said[axis.value] for axis in AXES if said[axis.value] is not None}
    try:
        with transaction.atomic():
            mark_item(actor=request.user, item=item, mark=said["mark"], scores=scores, feedback=said["feedback"])
            set_priority(actor=request.user, item=item, priority=said["priority"])
    except ValidationError as refusal:
        form.add_refusal(refusal)
        return False
    return True


@role_required(Role.LEAD)
@require_POST
def give_out_item(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """Gives a clip that is held back or excluded out again, and settles its reports."""
    reports.give_out_again(actor=request.user, item=get_object_or_404(Item, campaign__name=name, pk=pk))
    messages.success(request, _("This clip is given out again."))
    return redirect("campaign-item", name=name, pk=pk)


@role_required(Role.LEAD)
@require_POST
def exclude_item(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """Excludes a clip from the campaign, with a reason, and settles its reports."""
    item = get_object_or_404(Item, campaign__name=name, pk=pk)
    try:
        reports.exclude(actor=request.user, item=item, reason=request.POST.get("reason", ""))
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, _("This clip is excluded. Its ratings stay; figures and releases leave it out."))
    return redirect("campaign-item", name=name, pk=pk)


@role_required(Role.LEAD)
@require_POST
def order_scores(request: AuthedRequest, name: str) -> HttpResponse:
    """Takes a CSV of scores (clip_id,score) by which the campaign may put its clips in order."""
    campaign = get_object_or_404(Campaign, name=name)
    form = OrderScoresForm(request.POST, request.FILES)
    try:
        scores = read_order_scores(form.text())
        changed = set_order_scores(actor=request.user, campaign=campaign, scores=scores)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        words = ngettext("%(n)s clip has another score now.", "%(n)s clips have another score now.", changed)
        messages.success(request, words % {"n": changed})
    return redirect("campaign-items", name=name)


def _key(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
