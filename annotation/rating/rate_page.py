"""The rating desk: one page, and the small answers its scripts ask for.

Nothing is claimed on GET: the page shows the clip that the rater already holds, and asks for the first one by a POST.
Every POST answers twice: a script (it sends HX-Request) gets the next desk as a partial or problems as JSON, and a
plain form post gets a redirect or the page again with what was typed.
"""

import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from accounts.access import AuthedRequest, signed_in
from annotation.campaigns.guidelines import group_by_level, read_available_examples
from annotation.models import Campaign, Draft, Guideline, Skip, Slot
from annotation.raters import panels
from annotation.raters.admission import campaigns_for, readable_campaigns, why_not
from annotation.rating import checks, queue, ratings
from annotation.rating import desk as desks
from annotation.rating.answers import Answer, AnswersRefused, Problems, parse_answers
from annotation.rating.desk import Desk, FormAnswers
from annotation.rating.drafts import late_draft, show_late, shown_to
from annotation.rating.qualification import Feedback, feedback_to
from annotation.rating.statements import rated_count
from annotation.rating.upcoming import likely_next
from qsave.axes import Axis
from qsave.parsing import parse_json

AHEAD_BYTES = 32 * 1024 * 1024
WAITING_STATES = {
    Campaign.State.DRAFT: "not-open",
    Campaign.State.PAUSED: "paused",
    Campaign.State.CLOSED: "closed",
    Campaign.State.ARCHIVED: "closed",
}


@dataclass(frozen=True, slots=True)
class Post:
    """What a submit and a skip carry: the lease that the seat is held under, and the item, for when it is lost.

    A page that was opened before forms named the item does without it.
    """

    lease: uuid.UUID
    item_id: int

    @classmethod
    def of(cls, request: HttpRequest) -> "Post":
        return cls(lease=_uuid(request, "lease"), item_id=_number(request, "item") if "item" in request.POST else 0)


@signed_in
@require_safe
def rate_home(request: AuthedRequest) -> HttpResponse:
    """The campaigns that can be rated now; with none, what to do about it."""
    campaigns = campaigns_for(request.user).order_by("title", "pk")
    return render(request, "annotation/rate_home.html", {"campaigns": campaigns})


@signed_in
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def rate(request: AuthedRequest, name: str) -> HttpResponse:
    """The desk. POST submits the rating of the clip on it."""
    campaign = _campaign(request, name)
    if request.method == "POST":
        return _submit(request, campaign)
    return _page(request, campaign, _desk(request, campaign))


@signed_in
@require_POST
def rate_start(request: AuthedRequest, name: str) -> HttpResponse:
    """Takes the next clip (or the one that the rater holds)."""
    return _next(request, _campaign(request, name))


@signed_in
@require_POST
def rate_skip(request: AuthedRequest, name: str) -> HttpResponse:
    """Passes a clip by, with a kind and a reason, and goes on to the next."""
    campaign, post = _campaign(request, name), Post.of(request)
    kind, reason = request.POST.get("kind", ""), request.POST.get("reason", "").strip()
    if kind not in Skip.Kind.values or not reason:
        return _refused(request, campaign, {"skip": [_("Choose what is the matter and say it in a word or two.")]})
    try:
        queue.skip(rater=request.user, lease=post.lease, item_id=post.item_id, kind=kind, reason=reason)
    except queue.LeaseLost as lost:
        return _lost(request, campaign, lost)
    return _next(request, campaign)


@signed_in
@require_POST
def rate_stop(request: AuthedRequest, name: str) -> HttpResponse:
    """Hands the clip back and leaves the desk; what was typed stays saved."""
    _campaign(request, name)
    queue.hand_back(rater=request.user, lease=_uuid(request, "lease"))
    return redirect("rate-home")


@signed_in
@require_POST
def rate_renew(request: AuthedRequest, name: str) -> HttpResponse:
    """Lets the lease run anew; 409 when the clip has gone to another."""
    campaign, lease = _campaign(request, name), _uuid(request, "lease")
    try:
        expires = queue.renew(rater=request.user, lease=lease)
    except queue.LeaseLost as lost:
        return _lost(request, campaign, lost)
    return JsonResponse({"expires": expires.isoformat(), "state": campaign.state})


@signed_in
@require_POST
def rate_save(request: AuthedRequest, name: str) -> HttpResponse:
    """Keeps what is typed; 409 with the other tab's answers when that one saved meanwhile."""
    _campaign(request, name)
    answers = desks.posted_answers(request.POST)
    try:
        saved = ratings.save_work(
            rater=request.user,
            item_id=_number(request, "item"),
            answers=answers,
            base_version=_number(request, "base_version"),
            tab=_uuid(request, "tab"),
        )
    except ratings.SavedWorkConflict as conflict:
        saved = conflict.saved
        theirs = {"version": saved.version, "answers": desks.saved_answers(saved), "saved_at": _time(saved.saved_at)}
        return JsonResponse({"message": str(conflict), **theirs}, status=409)
    except ValueError as error:
        return JsonResponse(
            {"message": _("What you typed %(problem)s. Shorten it, please.") % {"problem": error}}, status=422
        )
    return JsonResponse({"version": saved.version, "saved_at": _time(saved.saved_at)})


@signed_in
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def rate_draft(request: AuthedRequest, name: str) -> HttpResponse:
    """GET tells whether a draft came after the rater did, for the page to offer; POST shows it and records that.
    204 while there is none."""
    campaign = _campaign(request, name)
    if request.method == "POST":
        return _show_late(request, campaign)
    slot = _held(request, campaign)
    draft = late_draft(slot) if slot and str(slot.lease) == request.GET.get("lease") else None
    return JsonResponse({"critic": draft.critic}) if draft else HttpResponse(status=204)


def _show_late(request: AuthedRequest, campaign: Campaign) -> HttpResponse:
    draft = show_late(rater=request.user, lease=_uuid(request, "lease"))
    if draft is None:
        return HttpResponse(status=204)
    marks = desks.draft_marks(campaign, draft)
    axes = {
        axis.value: {"answer": answer, "html": _draft_bar(request, axis.value, marks[axis])}
        for axis, answer in desks.proposed_answers(campaign, draft).items()
    }
    return JsonResponse({"axes": axes})


@signed_in
@never_cache
@require_GET
def rate_upcoming(request: AuthedRequest, name: str) -> HttpResponse:
    """The video that probably comes next, for the page to fetch ahead; 204 when there is none or it is too long."""
    clip = likely_next(rater=request.user, campaign=_campaign(request, name))
    if clip is None or clip.bytes > AHEAD_BYTES:
        return HttpResponse(status=204)
    return JsonResponse({"video": reverse("clip-media", args=["video", clip.pk])})


@signed_in
@require_safe
def rate_guidelines(request: AuthedRequest, name: str) -> HttpResponse:
    """The guidelines as a page of their own, for those who like them beside the desk."""
    campaign = _campaign(request, name)
    return render(request, "annotation/rate_guidelines.html", {"campaign": campaign, **guidelines_of(campaign)})


# ---- submitting


def _submit(request: AuthedRequest, campaign: Campaign) -> HttpResponse:
    post, key = Post.of(request), _uuid(request, "key")
    answers = desks.posted_answers(request.POST)
    try:
        rating = ratings.submit(
            rater=request.user,
            lease=post.lease,
            item_id=post.item_id,
            answers=parsed_answers(answers, campaign, lambda: shown_to(request.user, post.item_id)),
            key=key,
            viewing=posted_viewing(request),
            seconds_spent=posted_seconds(request),
            campaign=campaign,
        )
    except AnswersRefused as refusal:
        return _refused(request, campaign, refusal.problems, answers)
    except ratings.LeaseLost as lost:
        return _lost(request, campaign, lost)
    feedback = feedback_to(rating)
    return _next(request, campaign, feedback, rated=None if feedback else rating.pk)


def parsed_answers(
    answers: FormAnswers, campaign: Campaign, shown: Callable[[], tuple[Draft | None, str]]
) -> dict[Axis, Answer]:
    """The parsed answers; refuses what does not parse together with drafts that are unconfirmed, all at once.
    `shown` tells the draft and the exposure to it."""
    try:
        return parse_answers(desks.service_answers(answers))
    except AnswersRefused as refusal:
        raise AnswersRefused({**refusal.problems, **desks.unconfirmed(answers, *shown(), campaign)}) from None


def posted_viewing(request: HttpRequest) -> dict[str, Any]:
    """The viewing record that the player sent; a page without scripts sends none."""
    try:
        record = parse_json(request.POST.get("viewing") or "{}")
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def posted_seconds(request: HttpRequest) -> float:
    """Return the seconds that the page counted; a page without scripts sends none."""
    try:
        seconds = float(request.POST.get("seconds") or 0)
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0


# ---- answering


def _next(
    request: AuthedRequest, campaign: Campaign, feedback: Feedback | None = None, rated: int | None = None
) -> HttpResponse:
    slot = queue.claim(rater=request.user, campaign=campaign)
    if slot and not (request.htmx or feedback):
        return redirect(reverse("rate", args=[campaign.name]) + (f"?rated={rated}" if rated else ""))
    if slot is None and request.user.is_guest and campaign.state == Campaign.State.OPEN:
        panels.complete_for_want_of_clips(request.user)
    desk = desks.desk_for(request.user, slot) if slot else None
    context = _context(request, campaign, desk, is_empty=slot is None) | {"feedback": feedback, "rated": rated}
    if request.htmx:
        return render(request, "annotation/_rate_desk.html", context)
    return render(request, "annotation/rate.html", context | guidelines_of(campaign))


def _refused(
    request: AuthedRequest, campaign: Campaign, problems: Problems, answers: FormAnswers | None = None
) -> HttpResponse:
    if request.htmx:
        told = {"axes": desks.axis_problems(problems), "general": desks.general_problems(problems)}
        return JsonResponse({"problems": told}, status=422)
    slot = _held(request, campaign)
    desk = desks.desk_for(request.user, slot, posted=answers, problems=problems) if slot else None
    return _page(request, campaign, desk, status=422)


def _lost(request: AuthedRequest, campaign: Campaign, lost: ValueError) -> HttpResponse:
    if request.htmx:
        return JsonResponse({"message": str(lost), "lost": True}, status=409)
    messages.warning(request, str(lost))
    return redirect("rate", campaign.name)


def _page(
    request: AuthedRequest, campaign: Campaign, desk: Desk | None, *, is_empty: bool = False, status: int = 200
) -> HttpResponse:
    context = _context(request, campaign, desk, is_empty=is_empty) | guidelines_of(campaign)
    return render(request, "annotation/rate.html", context, status=status)


def _context(request: AuthedRequest, campaign: Campaign, desk: Desk | None, *, is_empty: bool) -> dict[str, Any]:
    state = "clip" if desk else WAITING_STATES.get(Campaign.State(campaign.state), "empty" if is_empty else "start")
    turned_away = checks.turned_away(request.user, campaign) if state == "empty" else None
    state = "turned-away" if turned_away else state
    refusal = why_not(user=request.user, campaign=campaign) if state in ("empty", "start") else ""
    state = "not-admitted" if refusal else state
    done = desk.done if desk else rated_count(campaign, request.user)
    told = {"campaign": campaign, "desk": desk, "state": state, "done": done, "turned_away": turned_away}
    told["refusal"] = refusal
    return told | {"skip_kinds": Skip.Kind.choices, "rated": _rated(request)}


def _rated(request: HttpRequest) -> int | None:
    """The rating just given, as a redirect names it: the page links to it, and that page asks whose it is."""
    text = request.GET.get("rated", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def guidelines_of(campaign: Campaign) -> dict[str, Any]:
    newest = Guideline.objects.filter(campaign=campaign).order_by("-number").first()
    return {"guideline": newest, "examples": group_by_level(read_available_examples(newest)) if newest else []}


def _draft_bar(request: HttpRequest, axis: str, mark: desks.DraftMark) -> str:
    context = {"axis": {"axis": axis, "title": axis.capitalize(), "draft": mark, "answer": {}}}
    return render_to_string("annotation/_rate_draft.html", context, request)


# ---- reading the request


def _campaign(request: AuthedRequest, name: str) -> Campaign:
    """The campaign; one that is not open yet is there for leads only, and a guest's own alone for a guest."""
    return get_object_or_404(readable_campaigns(request.user), name=name)


def _held(request: AuthedRequest, campaign: Campaign) -> Slot | None:
    slot = Slot.objects.filter(campaign=campaign, rater=request.user, state=Slot.State.LEASED).first()
    if slot is not None:
        slot.campaign = campaign
    return slot


def _desk(request: AuthedRequest, campaign: Campaign) -> Desk | None:
    is_open = campaign.state in ratings.TAKES_RATINGS
    slot = _held(request, campaign) if is_open else None
    return desks.desk_for(request.user, slot) if slot else None


def _number(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadRequest(_("The form's field %(name)r must be a number. Load the page again.") % {"name": name})
    return int(text)


def _uuid(request: HttpRequest, name: str) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get(name, ""))
    except ValueError:
        raise BadRequest(
            _("The form's field %(name)r is missing or damaged. Load the page again.") % {"name": name}
        ) from None


def _time(moment: Any) -> str:
    return timezone.localtime(moment).strftime("%H:%M:%S")
