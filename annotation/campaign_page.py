"""A campaign's own page, for leads: its progress, guidelines, clips and imports, and the buttons that change its state.

It reads from intake, campaigns and agreement, so it is a layer above them.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts import live
from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.agreement.ratings_needed import read_needed
from annotation.campaigns.campaigns import NEXT_STATES, StateRefused, set_state
from annotation.campaigns.guidelines import group_by_level, read_examples
from annotation.campaigns.progress import read_progress_and_counts
from annotation.campaigns.upkeep import find_unfinished_upkeep, restart_upkeep
from annotation.intake.import_reading import read_last_imports
from annotation.models import Campaign
from annotation.raters.admission import may_rate_now
from annotation.rating.outlook import read_outlook

STATE_BUTTONS = {
    Campaign.State.OPEN: (
        gettext_lazy("Open campaign"),
        gettext_lazy("Raters get clips from now on. The campaign's seed and assisted share can no longer change."),
    ),
    Campaign.State.PAUSED: (
        gettext_lazy("Pause campaign"),
        gettext_lazy(
            "Nobody gets a new clip. Raters can still submit the clip they have open. You can open the campaign again."
        ),
    ),
    Campaign.State.CLOSED: (
        gettext_lazy("Close campaign"),
        gettext_lazy(
            "Ratings can no longer be submitted or edited. What raters have typed is kept. You can open the campaign "
            "again."
        ),
    ),
    Campaign.State.ARCHIVED: (
        gettext_lazy("Archive campaign"),
        gettext_lazy("The campaign is hidden from lists. Its ratings are kept. You can close it again, then open it."),
    ),
}
"""What the button that leads to a state says, and what it does."""
FIRST_OPENING = (Campaign.State.DRAFT, Campaign.State.OPEN)
"""The step that a new campaign with clips waits for: its button stands out. Without clips, the import does."""
SECONDS_BETWEEN_UPDATES = {Campaign.State.DRAFT: 60, Campaign.State.OPEN: 15, Campaign.State.PAUSED: 15}
"""How often the page renews itself. In the other states nothing in it changes."""


@role_required(Role.LEAD)
@require_safe
def campaign(request: AuthedRequest, name: str) -> HttpResponse:
    if live.asks_for_regions(request):
        campaign = get_object_or_404(Campaign, name=name)
        return live.render_regions(request, "annotation/_campaign_live.html", _read_live_figures(campaign))
    return _render_page(request, name)


def _render_page(request: AuthedRequest, name: str) -> HttpResponse:
    campaign = get_object_or_404(Campaign.objects.select_related("created_by"), name=name)
    guideline = campaign.guidelines.select_related("created_by").order_by("-number").first()
    figures = _read_live_figures(campaign)
    context = figures | {
        "state_buttons": _list_state_buttons(campaign, has_clips=bool(figures["counts"].every)),
        "seconds_between_updates": SECONDS_BETWEEN_UPDATES.get(Campaign.State(campaign.state)),
        "may_rate": may_rate_now(user=request.user, campaign=campaign),
        "guideline": guideline,
        "examples": group_by_level(read_examples(guideline)) if guideline else [],
        "needed": read_needed(campaign),
        "last_imports": read_last_imports(campaign),
        "upkeep_job": find_unfinished_upkeep(campaign),
    }
    return render(request, "annotation/campaign.html", context)


def _list_state_buttons(campaign: Campaign, *, has_clips: bool) -> list[tuple[Any, ...]]:
    """List the states that the campaign may get, each with its texts and the style of its button."""
    next_step = FIRST_OPENING if has_clips else None
    return [
        (state, *texts, "button-primary" if (campaign.state, state) == next_step else "button")
        for state, texts in STATE_BUTTONS.items()
        if state in NEXT_STATES[campaign.state]
    ]


def _read_live_figures(campaign: Campaign) -> dict[str, Any]:
    """Read what the regions of the page show that renew themselves."""
    progress, counts = read_progress_and_counts(campaign)
    return {
        "campaign": campaign,
        "progress": progress,
        "outlook": read_outlook(campaign, progress),
        "counts": counts,
    }


@role_required(Role.LEAD)
@require_POST
def campaign_state(request: AuthedRequest, name: str) -> HttpResponse:
    campaign = get_object_or_404(Campaign, name=name)
    try:
        set_state(actor=request.user, campaign=campaign, state=request.POST.get("state", ""))
    except StateRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The campaign is now %(state)s.") % {"state": campaign.state})
    return redirect("campaign", name=name)


@role_required(Role.LEAD)
@require_POST
def finish_upkeep(request: AuthedRequest, name: str) -> HttpResponse:
    """Start a copy of clips, or an update of slots, again if it failed or was cancelled."""
    if restart_upkeep(actor=request.user, campaign=get_object_or_404(Campaign, name=name)):
        messages.success(request, _("The work continues in the background."))
    return redirect("campaign", name=name)
