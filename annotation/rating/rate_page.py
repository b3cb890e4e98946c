"""The rating desk: the list of campaigns to rate in, and the page on which a clip is rated.

Nothing is claimed on GET: the page shows the clip that the rater already holds, and asks for the first one by a POST.
Every POST has two kinds of response: a script (it sends HX-Request) gets the next desk as a partial or problems as
JSON, and a plain form post gets a redirect or the page again with what was typed. `desk_requests` has the other
requests of the desk's script.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import AuthedRequest, signed_in
from accounts.models import Role
from annotation.campaigns.guidelines import group_by_level, read_available_examples
from annotation.models import Campaign, Guideline, Skip, Slot
from annotation.raters import panels
from annotation.raters.admission import explain_refusal, list_readable_campaigns
from annotation.rating import desk_form, desk_presenter, queue, ratings
from annotation.rating.answers import AnswersRefused, Problems
from annotation.rating.desk_form import FormAnswers
from annotation.rating.desk_presenter import Desk
from annotation.rating.drafts import find_shown_draft
from annotation.rating.qualification import Feedback, find_failed_qualification, make_feedback
from annotation.rating.rater_home import build_rating_sections
from annotation.rating.rating_sql import count_rated
from annotation.shared.text import parse_number

WAITING_STATES = {
    Campaign.State.DRAFT: "not-open",
    Campaign.State.PAUSED: "paused",
    Campaign.State.CLOSED: "closed",
    Campaign.State.ARCHIVED: "closed",
}


@signed_in
@require_safe
def rate_home(request: AuthedRequest) -> HttpResponse:
    """List the campaigns that can be rated now, and what is new; without one, say what to do."""
    sections = [section for section in build_rating_sections(request.user) if not section.is_hidden]
    return render(request, "annotation/rate_home.html", {"sections": sections})


@signed_in
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def rate(request: AuthedRequest, name: str) -> HttpResponse:
    """Show the desk. POST submits the rating of the clip on it."""
    campaign = find_campaign(request, name)
    if request.method == "POST":
        return _submit(request, campaign)
    return _render_page(request, campaign, _find_desk(request, campaign))


@signed_in
@require_POST
def rate_start(request: AuthedRequest, name: str) -> HttpResponse:
    """Take the next clip (or the one that the rater holds)."""
    return _respond_next(request, find_campaign(request, name))


@signed_in
@require_POST
def rate_skip(request: AuthedRequest, name: str) -> HttpResponse:
    """Skip a clip, with a kind and a reason, and take the next."""
    campaign, held = find_campaign(request, name), desk_form.read_held_item(request)
    kind, reason = request.POST.get("kind", ""), request.POST.get("reason", "").strip()
    if kind not in Skip.Kind.values or not reason:
        return _respond_refused(
            request, campaign, {"skip": [_("Choose what is wrong with the clip and describe it in a few words.")]}
        )
    try:
        queue.skip(rater=request.user, lease=held.lease, item_id=held.item_id, kind=kind, reason=reason)
    except queue.LeaseLost as lost:
        return respond_lease_lost(request, campaign, lost)
    return _respond_next(request, campaign)


@signed_in
@require_POST
def rate_stop(request: AuthedRequest, name: str) -> HttpResponse:
    """Hand the clip back and leave the desk; what was typed stays saved."""
    find_campaign(request, name)
    queue.hand_back(rater=request.user, lease=desk_form.read_uuid(request, "lease"))
    return redirect("rate-home")


@signed_in
@require_safe
def rate_guidelines(request: AuthedRequest, name: str) -> HttpResponse:
    """Show the guidelines as a page of their own, to be read beside the desk."""
    campaign = find_campaign(request, name)
    return render(request, "annotation/rate_guidelines.html", {"campaign": campaign, **read_guidelines(campaign)})


# ---- submitting


def _submit(request: AuthedRequest, campaign: Campaign) -> HttpResponse:
    held, answers = desk_form.read_held_item(request), desk_form.read_posted_answers(request.POST)
    try:
        parsed = desk_form.parse_form_answers(answers, campaign, lambda: find_shown_draft(request.user, held.item_id))
        rating = ratings.submit(
            rater=request.user,
            lease=held.lease,
            item_id=held.item_id,
            submission=desk_form.read_submission(request, parsed),
            campaign=campaign,
        )
    except AnswersRefused as refusal:
        return _respond_refused(request, campaign, refusal.problems, answers)
    except queue.LeaseLost as lost:
        return respond_lease_lost(request, campaign, lost)
    feedback = make_feedback(rating)
    return _respond_next(request, campaign, feedback, rated=None if feedback else rating.pk)


# ---- responses


def _respond_next(
    request: AuthedRequest, campaign: Campaign, feedback: Feedback | None = None, rated: int | None = None
) -> HttpResponse:
    slot = queue.claim(rater=request.user, campaign=campaign)
    if slot and not (request.htmx or feedback):
        return redirect(reverse("rate", args=[campaign.name]) + (f"?rated={rated}" if rated else ""))
    if slot is None and request.user.is_guest and campaign.state == Campaign.State.OPEN:
        panels.complete_if_no_clips_left(request.user)
    desk = desk_presenter.present_desk(request.user, slot) if slot else None
    context = _make_context(request, campaign, desk, is_empty=slot is None) | {"feedback": feedback, "rated": rated}
    if request.htmx:
        return render(request, "annotation/_rate_desk.html", context)
    return render(request, "annotation/rate.html", context | read_guidelines(campaign))


def _respond_refused(
    request: AuthedRequest, campaign: Campaign, problems: Problems, answers: FormAnswers | None = None
) -> HttpResponse:
    if request.htmx:
        return respond_problems(problems)
    slot = find_held_slot(request, campaign)
    desk = desk_presenter.present_desk(request.user, slot, posted=answers, problems=problems) if slot else None
    return _render_page(request, campaign, desk, status=422)


def respond_problems(problems: Problems) -> JsonResponse:
    """Respond to the script with the problems of the form."""
    by_axis, general = desk_presenter.group_by_axis(problems), desk_presenter.list_general_problems(problems)
    return JsonResponse({"problems": {"axes": by_axis, "general": general}}, status=422)


def respond_lease_lost(request: AuthedRequest, campaign: Campaign, lost: ValueError) -> HttpResponse:
    if request.htmx:
        return JsonResponse({"message": str(lost), "lost": True}, status=409)
    messages.warning(request, str(lost))
    return redirect("rate", campaign.name)


def _render_page(request: AuthedRequest, campaign: Campaign, desk: Desk | None, *, status: int = 200) -> HttpResponse:
    context = _make_context(request, campaign, desk, is_empty=False) | read_guidelines(campaign)
    return render(request, "annotation/rate.html", context, status=status)


def _make_context(request: AuthedRequest, campaign: Campaign, desk: Desk | None, *, is_empty: bool) -> dict[str, Any]:
    state = "clip" if desk else WAITING_STATES.get(Campaign.State(campaign.state), "empty" if is_empty else "start")
    turned_away = find_failed_qualification(request.user, campaign) if state == "empty" else None
    state = "turned-away" if turned_away else state
    refusal = explain_refusal(user=request.user, campaign=campaign) if state in ("empty", "start") else ""
    return {
        "campaign": campaign,
        "desk": desk,
        "state": "not-admitted" if refusal else state,
        "done": desk.done if desk else count_rated(campaign, request.user),
        "turned_away": turned_away,
        "excluded": queue.find_excluded_work(request.user, campaign) if state in ("empty", "start") else None,
        "refusal": refusal,
        "is_lead": request.user.has_role(Role.LEAD),
        "skip_kinds": Skip.Kind.choices,
        "rated": _read_rated(request),
    }


def _read_rated(request: HttpRequest) -> int | None:
    """Read the rating just given from the redirect's address. The page that it links to checks the rater."""
    return parse_number(request.GET.get("rated", ""))


def read_guidelines(campaign: Campaign) -> dict[str, Any]:
    newest = Guideline.objects.filter(campaign=campaign).order_by("-number").first()
    return {"guideline": newest, "examples": group_by_level(read_available_examples(newest)) if newest else []}


# ---- reading the request


def find_campaign(request: AuthedRequest, name: str) -> Campaign:
    """Return the campaign if the person may read it (404 if not)."""
    return get_object_or_404(list_readable_campaigns(request.user), name=name)


def find_held_slot(request: AuthedRequest, campaign: Campaign) -> Slot | None:
    slot = Slot.objects.filter(campaign=campaign, rater=request.user, state=Slot.State.LEASED).first()
    if slot is not None:
        slot.campaign = campaign
    return slot


def _find_desk(request: AuthedRequest, campaign: Campaign) -> Desk | None:
    is_open = campaign.state in queue.TAKES_RATINGS
    slot = find_held_slot(request, campaign) if is_open else None
    return desk_presenter.present_desk(request.user, slot) if slot else None
