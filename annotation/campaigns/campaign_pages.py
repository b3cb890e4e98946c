"""The lead's pages of campaigns: the list, the form that makes one, and a campaign's own page with its states."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.agreement.ratings_needed import needed
from annotation.campaigns.campaigns import NEXT_STATES, StateRefused, create_campaign, set_state
from annotation.campaigns.forms import CampaignForm, ImportForm
from annotation.campaigns.guideline_examples import by_level
from annotation.campaigns.guidelines import examples_of
from annotation.campaigns.items import counts
from annotation.campaigns.progress import progress_of, progress_of_many
from annotation.intake.import_page import last_import, unfinished_upkeep
from annotation.models import Campaign

PAGE = 50

STATE_DEEDS = {
    Campaign.State.OPEN: (
        gettext_lazy("Open for rating"),
        gettext_lazy("Raters can take clips from now on. Its seed and assisted share cannot change any more."),
    ),
    Campaign.State.PAUSED: (
        gettext_lazy("Pause"),
        gettext_lazy("Nobody gets a new clip; who has one open can still submit it. It can be opened again."),
    ),
    Campaign.State.CLOSED: (
        gettext_lazy("Close"),
        gettext_lazy(
            "Rating ends: nothing more can be submitted or edited. What raters have open is kept for them as saved "
            "work. It can be opened again."
        ),
    ),
    Campaign.State.ARCHIVED: (
        gettext_lazy("Archive"),
        gettext_lazy("It leaves the lists of work. Its ratings stay. It can be brought back."),
    ),
}


@role_required(Role.LEAD)
@require_safe
def campaigns(request: AuthedRequest) -> HttpResponse:
    """Campaigns, newest first, a page at a time (`before` is the last one shown)."""
    found = Campaign.objects.order_by("-pk")
    before = request.GET.get("before", "")
    if before.isdecimal():
        found = found.filter(pk__lt=int(before))
    rows = list(found[: PAGE + 1])
    progress = progress_of_many(rows[:PAGE])
    context = {
        "rows": [(campaign, progress[campaign.pk]) for campaign in rows[:PAGE]],
        "more": rows[PAGE - 1].pk if len(rows) > PAGE else None,
    }
    return render(request, "annotation/campaigns.html", context)


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def campaign_new(request: AuthedRequest) -> HttpResponse:
    form = CampaignForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        campaign = _create(request, form)
        if campaign is not None:
            messages.success(request, _("The campaign is made. Bring clips in, then open it."))
            return redirect("campaign", name=campaign.name)
    return render(request, "annotation/campaign_new.html", {"form": form})


def _create(request: AuthedRequest, form: CampaignForm) -> Campaign | None:
    try:
        return create_campaign(actor=request.user, **form.cleaned_data)
    except ValidationError as refusal:
        form.add_error(None, refusal)
        return None


@role_required(Role.LEAD)
@require_safe
def campaign(request: AuthedRequest, name: str) -> HttpResponse:
    """One campaign: how far it is, what raters are told, its clips, and what can be done with it."""
    found = get_object_or_404(Campaign.objects.select_related("created_by"), name=name)
    guideline = found.guidelines.select_related("created_by").order_by("-number").first()
    context = {
        "campaign": found,
        "progress": progress_of(found),
        "deeds": [(state, *words) for state, words in STATE_DEEDS.items() if state in NEXT_STATES[found.state]],
        "guideline": guideline,
        "examples": by_level(examples_of(guideline)) if guideline else [],
        "counts": counts(found),
        "needed": needed(found),
        "import_form": ImportForm(),
        "import_job": last_import(found),
        "upkeep_job": unfinished_upkeep(found),
    }
    return render(request, "annotation/campaign.html", context)


@role_required(Role.LEAD)
@require_POST
def campaign_state(request: AuthedRequest, name: str) -> HttpResponse:
    found = get_object_or_404(Campaign, name=name)
    try:
        set_state(actor=request.user, campaign=found, state=request.POST.get("state", ""))
    except StateRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The campaign is %(state)s now.") % {"state": found.state})
    return redirect("campaign", name=name)
