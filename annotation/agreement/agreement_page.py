"""The agreement page of a campaign: MOS, alpha, raters, generators, and the blind arm beside the assisted one."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role, User
from annotation.agreement import cards
from annotation.agreement import figures as reads
from annotation.agreement.headlines import agreement_csv
from annotation.agreement.mos_csv import mos_csv
from annotation.agreement.ratings_needed import needed_for
from annotation.agreement.reviews import screen
from annotation.campaigns.progress import read_progress
from annotation.models import Campaign
from annotation.rating.answers import AnswersRefused
from annotation.shared.downloads import send_csv
from qsave.axes import AXES
from qsave.statistics.evidence import LEAST_CLIPS
from qsave.words import isolate

PAGE = 50


@role_required(Role.LEAD)
@require_safe
def agreement(request: AuthedRequest, name: str) -> HttpResponse:
    """Figures over the whole campaign; the table of clips comes a page at a time (`after` is the last item shown)."""
    campaign = get_object_or_404(Campaign, name=name)
    found = reads.read_agreement(campaign)
    rows, more = _page(found.rows, request.GET.get("after", ""))
    generators = cards.list_generators(found)
    context = {
        "campaign": campaign,
        "progress": read_progress(campaign),
        "agreement": found,
        "axes": AXES,
        "cards": [cards.make_card(figures, found.rows) for figures in found.axes],
        "needed": [needed_for(one.axis, one.spread, campaign.overlap) for one in found.axes],
        "arm_folds": cards.fold_arms(found.arms),
        "arms_of_these_raters": cards.any_of_these_raters(
            figure for arm in found.arms for figure in (arm.difference, arm.nearer, arm.spread_ratio)
        ),
        "generators": [row for row in generators if not row.thin],
        "thin_generators": [row for row in generators if row.thin],
        "differences": cards.sort_differences(found),
        "least_clips": LEAST_CLIPS,
        "few_shared": [rater for rater in found.raters if rater.shared < LEAST_CLIPS],
        "bt500": cards.describe_screening(found.raters),
        "rows": rows,
        "more": more,
    }
    return render(request, "annotation/agreement.html", context)


def _page(rows: Sequence[reads.MosRow], after: str) -> tuple[list[reads.MosRow], int | None]:
    start = int(after) if after.isdecimal() else 0
    shown = [row for row in rows if row.item > start][: PAGE + 1]
    return shown[:PAGE], shown[PAGE - 1].item if len(shown) > PAGE else None


@role_required(Role.LEAD)
@require_safe
def mos_file(request: AuthedRequest, name: str) -> StreamingHttpResponse:
    """MOS as CSV, a line a clip."""
    campaign = get_object_or_404(Campaign, name=name)
    return send_csv(mos_csv(campaign), f"mos-{campaign.name}.csv")


@role_required(Role.LEAD)
@require_safe
def agreement_file(request: AuthedRequest, name: str) -> StreamingHttpResponse:
    """The headlines as CSV, a line a figure, with how many ratings of how many clips each rests on."""
    campaign = get_object_or_404(Campaign, name=name)
    return send_csv(agreement_csv(reads.read_agreement(campaign)), f"agreement-{campaign.name}.csv")


@role_required(Role.LEAD)
@require_POST
def screen_rater(request: AuthedRequest, name: str, rater: int) -> HttpResponse:
    """Screens a rater out of the figures, or takes them in again, with a reason."""
    campaign = get_object_or_404(Campaign, name=name)
    person = get_object_or_404(User, pk=rater)
    verdict, reason = request.POST.get("verdict", ""), request.POST.get("reason", "")
    try:
        screen(actor=request.user, campaign=campaign, rater=person, verdict=verdict, reason=reason)
    except AnswersRefused as refusal:
        messages.error(request, " ".join(problem for problems in refusal.problems.values() for problem in problems))
    else:
        again = _("The ratings of %(person)s count again in this campaign.")
        no_longer = _("The ratings of %(person)s no longer count in this campaign.")
        messages.success(request, (again if verdict == "kept" else no_longer) % {"person": isolate(person)})
    return redirect("agreement", name=name)
