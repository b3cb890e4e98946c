"""The page of a campaign's settings."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.campaigns.forms import PolicyForm
from annotation.campaigns.policy import update_policy
from annotation.models import Campaign


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def campaign_settings(request: AuthedRequest, name: str) -> HttpResponse:
    """Show and save the settings. Only changed ones are saved: two leads can change different settings at once."""
    campaign = get_object_or_404(Campaign, name=name)
    form = PolicyForm(request.POST or None, campaign=campaign)
    if request.method == "POST" and form.is_valid() and _update(request, campaign, form):
        messages.success(request, _("Settings saved."))
        return redirect("campaign-settings", name=name)
    return render(request, "annotation/campaign_settings.html", {"campaign": campaign, "form": form})


def _update(request: AuthedRequest, campaign: Campaign, form: PolicyForm) -> bool:
    changes = {field: form.cleaned_data[field] for field in form.changed_data}
    try:
        update_policy(actor=request.user, campaign=campaign, **changes)
    except ValidationError as refusal:
        form.add_error(None, refusal)
        return False
    return True
