"""A lead's try of the desk: the same page and the same words, and nothing stored."""

from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.models import Campaign, Exposure, Slot
from annotation.rating import desk as desks
from annotation.rating.answers import AnswersRefused, Problems
from annotation.rating.desk import FormAnswers
from annotation.rating.drafts import draft_for
from annotation.rating.rate_page import guidelines_of, parsed_answers, posted_viewing
from annotation.rating.tries import check_try, seat_to_try, try_order
from qsave.axes import AXES


@role_required(Role.LEAD)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def rate_try(request: AuthedRequest, name: str) -> HttpResponse:
    """The clip at a place of the seeded order (`at`, from 1). POST checks the answers and shows the next one."""
    campaign = get_object_or_404(Campaign, name=name)
    order = try_order(campaign)
    if request.method == "POST":
        return _tried(request, campaign, order)
    return _shown(request, campaign, order, _place(request.GET.get("at", "1")), {})


def _tried(request: AuthedRequest, campaign: Campaign, order: list[int]) -> HttpResponse:
    at, answers = _place(request.POST.get("at", "1")), desks.posted_answers(request.POST)
    last = {axis.value: request.POST.get(f"last-{axis}", "") for axis in AXES}
    if at > len(order):  # clips do not leave a campaign: a page that was tampered with
        return _shown(request, campaign, order, at, {})
    try:
        _check(request, seat_to_try(campaign, order[at - 1]), answers, last)
    except AnswersRefused as refusal:
        if request.htmx:
            told = {"axes": desks.axis_problems(refusal.problems), "general": desks.general_problems(refusal.problems)}
            return JsonResponse({"problems": told}, status=422)
        return _shown(request, campaign, order, at, last, answers=answers, problems=refusal.problems)
    said = {axis: answer["reason"] for axis, answer in answers.items()}
    return _shown(request, campaign, order, at + 1, said)


def _check(request: AuthedRequest, seat: Slot, answers: FormAnswers, last: dict[str, str]) -> None:
    draft = draft_for(seat)
    check_try(
        actor=request.user,
        seat=seat,
        answers=parsed_answers(answers, seat.campaign, lambda: (draft, Exposure.FROM_START)),
        viewing=posted_viewing(request),
        draft=draft,
        last_reasons={axis: last[axis.value] for axis in AXES},
    )


def _shown(
    request: AuthedRequest,
    campaign: Campaign,
    order: list[int],
    at: int,
    last: dict[str, str],
    *,
    answers: FormAnswers | None = None,
    problems: Problems | None = None,
) -> HttpResponse:
    seat = seat_to_try(campaign, order[at - 1]) if at <= len(order) else None
    context: dict[str, Any] = {
        "campaign": campaign,
        "desk": desks.desk_for_try(seat, posted=answers, problems=problems) if seat else None,
        "state": "clip" if seat else "tried",
        "trying": {"at": at, "next": at + 1, "of": len(order), "last": last},
    }
    if request.htmx:
        return render(request, "annotation/_rate_desk.html", context)
    page = context | guidelines_of(campaign)
    return render(request, "annotation/rate.html", page, status=422 if problems else 200)


def _place(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else 1
