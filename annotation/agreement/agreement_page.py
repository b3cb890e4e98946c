"""The agreement page of a campaign: MOS, alpha, raters, generators, and the blind arm against the assisted one."""

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from accounts.access import AuthedRequest, role_required
from accounts.downloads import send_csv
from accounts.models import Role, User
from annotation.agreement.headlines import write_agreement_csv
from annotation.agreement.mos_csv import write_mos_csv
from annotation.agreement.page_sections import BY_ID, PAGE_SECTIONS, read_all_raters
from annotation.agreement.replacements import reopen_slots
from annotation.agreement.reviews import screen
from annotation.agreement.stored import read_figures
from annotation.campaigns.progress import read_progress
from annotation.models import Campaign, Slot
from annotation.raters.admission import may_rate_now
from annotation.rating.answers import AnswersRefused
from qsave.axes import AXES
from qsave.words import isolate


@role_required(Role.LEAD)
@require_safe
def agreement(request: AuthedRequest, name: str) -> HttpResponse:
    """Show the frame of the page. Each section is loaded by itself, from the stored figures."""
    campaign = get_object_or_404(Campaign, name=name)
    figures = read_figures(campaign)
    context = {
        "campaign": campaign,
        "figures": figures,
        "has_ratings": Slot.objects.filter(campaign=campaign, kind=Slot.Kind.SEAT, state=Slot.State.DONE).exists(),
        "may_rate": may_rate_now(user=request.user, campaign=campaign),
        "progress": read_progress(campaign),
        "sections": PAGE_SECTIONS,
    }
    return render(request, "annotation/agreement.html", context)


@role_required(Role.LEAD)
@require_safe
def agreement_section(request: AuthedRequest, name: str, section: str) -> HttpResponse:
    """Show one section: as a part of the page, or as a page of its own without scripts."""
    campaign = get_object_or_404(Campaign, name=name)
    one = BY_ID.get(section)
    if one is None:
        raise Http404(_("The agreement page has no such section."))
    figures = read_figures(campaign)
    context = {"campaign": campaign, "axes": AXES, "section": one, "figures": figures}
    if figures.exists:
        wants_all = section == "raters" and "all" in request.GET
        context |= read_all_raters(figures) if wants_all else one.read(figures)
    whole = "annotation/agreement_section.html"
    return render(request, "annotation/agreement/_section.html" if request.htmx else whole, context)


@role_required(Role.LEAD)
@require_safe
def agreement_state(request: AuthedRequest, name: str) -> HttpResponse:
    """Say how old the figures are. `shown` is the time of those on the page: if there are newer ones, the sections of
    the page load again."""
    figures = read_figures(get_object_or_404(Campaign, name=name))
    response = render(request, "annotation/agreement/_state.html", {"campaign": figures.campaign, "figures": figures})
    if request.GET.get("shown", "") != figures.stamp:
        trigger_client_event(response, "figures-ready", after="swap")
    return response


@role_required(Role.LEAD)
@require_safe
def mos_file(request: AuthedRequest, name: str) -> StreamingHttpResponse:
    """Send MOS as CSV, one line per clip."""
    campaign = get_object_or_404(Campaign, name=name)
    return send_csv(write_mos_csv(campaign), f"mos-{campaign.name}.csv")


@role_required(Role.LEAD)
@require_safe
def agreement_file(request: AuthedRequest, name: str) -> HttpResponseBase:
    """Send the headlines as CSV, one line per figure, with the number of ratings and clips behind each."""
    campaign = get_object_or_404(Campaign, name=name)
    figures = read_figures(campaign)
    if not figures.exists:
        messages.info(request, _("The figures are being computed. Download them in a moment."))
        return redirect("agreement", name=name)
    return send_csv(write_agreement_csv(figures), f"agreement-{campaign.name}.csv")


@role_required(Role.LEAD)
@require_POST
def screen_rater(request: AuthedRequest, name: str, rater: int) -> HttpResponse:
    """Screen a rater out of the figures, or count them again, with a reason; `reopen` asks others for these clips."""
    campaign = get_object_or_404(Campaign, name=name)
    person = get_object_or_404(User, pk=rater)
    verdict, reason = request.POST.get("verdict", ""), request.POST.get("reason", "")
    try:
        screen(actor=request.user, campaign=campaign, rater=person, verdict=verdict, reason=reason)
    except AnswersRefused as refusal:
        messages.error(request, _join_problems(refusal))
    else:
        again = _("The ratings of %(person)s count again in this campaign.")
        no_longer = _("The ratings of %(person)s no longer count in this campaign.")
        messages.success(request, (again if verdict == "kept" else no_longer) % {"person": isolate(person)})
        if verdict != "kept" and request.POST.get("reopen"):
            _reopen(request, campaign, person)
    return _redirect_to_raters(name)


@role_required(Role.LEAD)
@require_POST
def reopen_slots_of_rater(request: AuthedRequest, name: str, rater: int) -> HttpResponse:
    """Open rating slots again in place of a screened rater's ratings."""
    campaign = get_object_or_404(Campaign, name=name)
    _reopen(request, campaign, get_object_or_404(User, pk=rater))
    return _redirect_to_raters(name)


def _redirect_to_raters(name: str) -> HttpResponse:
    return redirect(f"{reverse('agreement', args=(name,))}#raters")


def _reopen(request: AuthedRequest, campaign: Campaign, person: User) -> None:
    try:
        opened = reopen_slots(actor=request.user, campaign=campaign, rater=person)
    except AnswersRefused as refusal:
        messages.error(request, _join_problems(refusal))
        return
    words = ngettext(
        "%(n)s rating slot is open again in place of the ratings of %(person)s.",
        "%(n)s rating slots are open again in place of the ratings of %(person)s.",
        opened,
    )
    messages.success(request, words % {"n": opened, "person": isolate(person)})


def _join_problems(refusal: AnswersRefused) -> str:
    return " ".join(problem for problems in refusal.problems.values() for problem in problems)
