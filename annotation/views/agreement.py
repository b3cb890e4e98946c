"""The agreement page of a campaign: MOS, alpha, raters, generators, and the blind arm beside the assisted one."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role, User
from annotation.charts import Estimate, Histogram, IntervalChart, histogram, mos_chart
from annotation.models import Campaign
from annotation.reads import agreement as reads
from annotation.reads.mos_csv import mos_csv
from annotation.reads.needed import needed_for
from annotation.reads.progress import progress_of
from annotation.services.answers import AnswersRefused
from annotation.services.reviews import screen
from qsave.axes import AXES

PAGE = 50


@dataclass(frozen=True, slots=True)
class AxisCard:
    """One axis as the page shows it: its figures, the MOS of its clips, and how often each level was given."""

    figures: reads.AxisAgreement
    mos: IntervalChart | None
    levels: Histogram | None


@role_required(Role.LEAD)
@require_safe
def agreement(request: AuthedRequest, name: str) -> HttpResponse:
    """Figures over the whole campaign; the table of clips comes a page at a time (`after` is the last item shown)."""
    campaign = get_object_or_404(Campaign, name=name)
    found = reads.agreement(campaign)
    rows, more = _page(found.rows, request.GET.get("after", ""))
    context = {
        "campaign": campaign,
        "progress": progress_of(campaign),
        "agreement": found,
        "axes": AXES,
        "cards": [_card(figures, found.rows) for figures in found.axes],
        "needed": [needed_for(one.axis, one.pooled_sd, campaign.overlap) for one in found.axes],
        "generators": _generators(found),
        "rejected": _rejected(found.raters),
        "rows": rows,
        "more": more,
    }
    return render(request, "annotation/agreement.html", context)


def _card(figures: reads.AxisAgreement, rows: Sequence[reads.MosRow]) -> AxisCard:
    axis = figures.axis
    estimates = [
        Estimate(f"{row.clip_id}: {mos.mos:.2f} [{mos.low:.2f}, {mos.high:.2f}]", mos.mos, mos.low, mos.high)
        for row in rows
        if (mos := row.mos.get(axis)) is not None
    ]
    return AxisCard(figures, mos_chart(estimates), histogram(figures.levels))


def _rejected(raters: Sequence[reads.RaterRow]) -> str:
    """Whom BT.500 would reject, and on which axes: advice to the lead, who decides."""
    axes = ((rater.name, [axis for axis, line in rater.bt500.items() if line.rejected is True]) for rater in raters)
    return "; ".join(f"{name} ({', '.join(on)})" for name, on in axes if on)


def _generators(found: reads.Agreement) -> list[tuple[str, int, list[object]]]:
    """Generators in one table: name, clips, and the estimate of each axis; by name."""
    by_name = {axis: {line.generator: line for line in lines} for axis, lines in found.generators.items()}
    names = sorted({name for lines in by_name.values() for name in lines})
    return [
        (
            name,
            max(by_name[axis][name].clips for axis in AXES if name in by_name[axis]),
            [by_name[axis][name].mos if name in by_name[axis] else None for axis in AXES],
        )
        for name in names
    ]


def _page(rows: Sequence[reads.MosRow], after: str) -> tuple[list[reads.MosRow], int | None]:
    start = int(after) if after.isdecimal() else 0
    shown = [row for row in rows if row.item > start][: PAGE + 1]
    return shown[:PAGE], shown[PAGE - 1].item if len(shown) > PAGE else None


@role_required(Role.LEAD)
@require_safe
def mos_file(request: AuthedRequest, name: str) -> StreamingHttpResponse:
    """MOS as CSV, a line a clip."""
    campaign = get_object_or_404(Campaign, name=name)
    headers = {"Content-Disposition": f'attachment; filename="mos-{campaign.name}.csv"'}
    return StreamingHttpResponse(mos_csv(campaign), content_type="text/csv; charset=utf-8", headers=headers)


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
        messages.success(request, (again if verdict == "kept" else no_longer) % {"person": person})
    return redirect("agreement", name=name)
