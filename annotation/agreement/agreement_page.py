"""The agreement page of a campaign: MOS, alpha, raters, generators, and the blind arm against the assisted one."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import AuthedRequest, role_required
from accounts.downloads import send_csv
from accounts.models import Role, User
from annotation.agreement import cards
from annotation.agreement.figures import read_agreement
from annotation.agreement.generator_table import list_generators
from annotation.agreement.headlines import write_agreement_csv
from annotation.agreement.mos_csv import write_mos_csv
from annotation.agreement.mos_rows import MosRow
from annotation.agreement.plots import plot_biases, plot_generators
from annotation.agreement.ratings_needed import compute_needed
from annotation.agreement.reviews import screen
from annotation.campaigns.progress import read_progress
from annotation.models import Campaign
from annotation.raters.admission import may_rate_now
from annotation.rating.answers import AnswersRefused
from annotation.shared.text import parse_number
from qsave.axes import AXES
from qsave.statistics.evidence import LEAST_CLIPS
from qsave.words import isolate

PAGE = 50


@role_required(Role.LEAD)
@require_safe
def agreement(request: AuthedRequest, name: str) -> HttpResponse:
    """Show figures over the whole campaign, and a page of the table of clips (after the item `after`)."""
    campaign = get_object_or_404(Campaign, name=name)
    agreement = read_agreement(campaign)
    rows, more = _take_page(agreement.rows, request.GET.get("after", ""))
    generators = list_generators(agreement)
    context = {
        "campaign": campaign,
        "may_rate": may_rate_now(user=request.user, campaign=campaign),
        "progress": read_progress(campaign),
        "agreement": agreement,
        "axes": AXES,
        "cards": [cards.make_card(agreement, figures) for figures in agreement.axes],
        "generator_plot": plot_generators(agreement, generators),
        "bias_plot": plot_biases(agreement),
        "needed": [compute_needed(axis.axis, axis.spread, campaign.overlap) for axis in agreement.axes],
        "arm_folds": cards.fold_arms(agreement.arms),
        "arms_of_these_raters": cards.any_of_these_raters(
            figure for arm in agreement.arms for figure in (arm.difference, arm.nearer, arm.spread_ratio)
        ),
        "generators": [row for row in generators if not row.thin],
        "thin_generators": [row for row in generators if row.thin],
        "differences": cards.sort_differences(agreement),
        "least_clips": LEAST_CLIPS,
        "few_shared": [rater for rater in agreement.raters if rater.shared < LEAST_CLIPS],
        "bt500": cards.describe_screening(agreement.raters),
        "rows": rows,
        "more": more,
    }
    return render(request, "annotation/agreement.html", context)


def _take_page(rows: Sequence[MosRow], after: str) -> tuple[list[MosRow], int | None]:
    start = parse_number(after) or 0
    following = [row for row in rows if row.item > start][: PAGE + 1]
    return following[:PAGE], following[PAGE - 1].item if len(following) > PAGE else None


@role_required(Role.LEAD)
@require_safe
def mos_file(request: AuthedRequest, name: str) -> StreamingHttpResponse:
    """Send MOS as CSV, one line per clip."""
    campaign = get_object_or_404(Campaign, name=name)
    return send_csv(write_mos_csv(campaign), f"mos-{campaign.name}.csv")


@role_required(Role.LEAD)
@require_safe
def agreement_file(request: AuthedRequest, name: str) -> StreamingHttpResponse:
    """Send the headlines as CSV, one line per figure, with the number of ratings and clips behind each."""
    campaign = get_object_or_404(Campaign, name=name)
    return send_csv(write_agreement_csv(read_agreement(campaign)), f"agreement-{campaign.name}.csv")


@role_required(Role.LEAD)
@require_POST
def screen_rater(request: AuthedRequest, name: str, rater: int) -> HttpResponse:
    """Screen a rater out of the figures, or count them again, with a reason."""
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
