"""The list of campaigns and the form that creates one, for leads."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.campaigns.campaigns import create_campaign
from annotation.campaigns.forms import CampaignForm
from annotation.campaigns.progress import read_progress_by_campaign
from annotation.models import Campaign
from annotation.shared.text import parse_number

PAGE_SIZE = 50


@role_required(Role.LEAD)
@require_safe
def campaigns(request: AuthedRequest) -> HttpResponse:
    """Show campaigns, newest first; `before` is the last one on the page before."""
    newest_first = Campaign.objects.order_by("-pk")
    before = parse_number(request.GET.get("before", ""))
    if before is not None:
        newest_first = newest_first.filter(pk__lt=before)
    rows = list(newest_first[: PAGE_SIZE + 1])
    progress = read_progress_by_campaign(rows[:PAGE_SIZE])
    context = {
        "rows": [(campaign, progress[campaign.pk]) for campaign in rows[:PAGE_SIZE]],
        "more": rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else None,
    }
    return render(request, "annotation/campaigns.html", context)


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def campaign_new(request: AuthedRequest) -> HttpResponse:
    form = CampaignForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        campaign = _create(request, form)
        if campaign is not None:
            messages.success(request, _("Campaign created. Import clips, then open it."))
            return redirect("campaign", name=campaign.name)
    return render(request, "annotation/campaign_new.html", {"form": form})


def _create(request: AuthedRequest, form: CampaignForm) -> Campaign | None:
    try:
        return create_campaign(actor=request.user, **form.cleaned_data)
    except ValidationError as refusal:
        form.add_error(None, refusal)
        return None
