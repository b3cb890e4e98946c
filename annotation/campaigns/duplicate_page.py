"""The page that duplicates a campaign."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.campaigns.duplicate import duplicate_campaign
from annotation.campaigns.forms import DuplicateForm
from annotation.models import Campaign


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def campaign_duplicate(request: AuthedRequest, name: str) -> HttpResponse:
    campaign = get_object_or_404(Campaign, name=name)
    form = DuplicateForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            copy = duplicate_campaign(actor=request.user, campaign=campaign, **form.as_arguments())
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, _("Campaign duplicated as a draft. Check it, then open it."))
            return redirect("campaign", name=copy.name)
    return render(request, "annotation/campaign_duplicate.html", {"campaign": campaign, "form": form})
