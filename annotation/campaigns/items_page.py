"""A campaign's clips, for its lead: the list with its filters, and the upload of scores."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.campaigns import items as reads
from annotation.campaigns.forms import OrderScoresForm
from annotation.campaigns.marking import read_order_scores, set_order_scores
from annotation.models import Campaign
from annotation.shared.text import parse_number
from qsave.axes import AXES

KIND_LABELS = {
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
    """List the clips of one kind, or with some text in name or prompt; `after` is the last one on the page before."""
    campaign = get_object_or_404(Campaign, name=name)
    kind, query = request.GET.get("kind", "all"), request.GET.get("q", "").strip()[:200]
    if kind not in reads.KINDS:
        raise Http404(_("There is no such kind of clip."))
    items, more = reads.read_page(
        campaign, kind=kind, query=query, after=parse_number(request.GET.get("after", "")) or 0
    )
    counts = reads.count_by_kind(campaign)
    context = {
        "campaign": campaign,
        "kinds": [(key, label, counts[key]) for key, label in KIND_LABELS.items()],
        "kind": kind,
        "query": query,
        "items": items,
        "more": more,
        "axes": AXES,
        "scores_form": OrderScoresForm(),
    }
    return render(request, "annotation/campaign_items.html", context)


@role_required(Role.LEAD)
@require_POST
def order_scores(request: AuthedRequest, name: str) -> HttpResponse:
    """Save a CSV of scores (clip_id,score), by which the campaign can order its clips."""
    campaign = get_object_or_404(Campaign, name=name)
    form = OrderScoresForm(request.POST, request.FILES)
    try:
        scores = read_order_scores(form.read_text())
        changed = set_order_scores(actor=request.user, campaign=campaign, scores=scores)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        message = ngettext("The score of %(n)s clip changed.", "The scores of %(n)s clips changed.", changed)
        messages.success(request, message % {"n": changed})
    return redirect("campaign-items", name=name)
