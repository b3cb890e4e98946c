"""The agreement page of a campaign: MOS, alpha, raters, generators, and the blind arm beside the assisted one."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.models import Campaign
from annotation.reads.progress import progress_of


@role_required(Role.LEAD)
@require_safe
def agreement(request: AuthedRequest, name: str) -> HttpResponse:
    campaign = get_object_or_404(Campaign, name=name)
    return render(request, "annotation/agreement.html", {"campaign": campaign, "progress": progress_of(campaign)})
