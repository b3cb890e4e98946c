"""The upload of order scores, by which a campaign can give out its clips."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.campaigns.forms import OrderScoresForm
from annotation.campaigns.marking import set_order_scores
from annotation.models import Campaign


@role_required(Role.LEAD)
@require_POST
def order_scores(request: AuthedRequest, name: str) -> HttpResponse:
    """Save a CSV of scores (clip_id,score), by which the campaign can order its clips."""
    campaign = get_object_or_404(Campaign, name=name)
    form = OrderScoresForm(request.POST, request.FILES)
    try:
        scores = form.read_scores()
        changed = set_order_scores(actor=request.user, campaign=campaign, scores=scores)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        message = ngettext("The score of %(n)s clip changed.", "The scores of %(n)s clips changed.", changed)
        messages.success(request, message % {"n": changed})
    return redirect("campaign-items", name=name)
