"""A lead's try of the desk: the same page with the same texts; nothing is stored."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.models import Campaign, Exposure, Slot
from annotation.rating.answers import AnswersRefused, Problems
from annotation.rating.desk_form import FormAnswers, parse_form_answers, read_posted_answers, read_viewing
from annotation.rating.desk_presenter import present_try
from annotation.rating.drafts import find_draft
from annotation.rating.rate_page import read_guidelines, respond_problems
from annotation.rating.tries import check_try, list_try_order, make_try_slot
from annotation.shared.text import parse_number
from qsave.axes import AXES


@role_required(Role.LEAD)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def rate_try(request: AuthedRequest, name: str) -> HttpResponse:
    """Show the clip at a position of the seeded order (`at`, from 1). POST checks the answers and shows the next."""
    campaign = get_object_or_404(Campaign, name=name)
    order = list_try_order(campaign)
    if request.method == "POST":
        return _submit_try(request, campaign, order)
    return _render_try(request, campaign, order, _read_position(request.GET.get("at", "1")), {})


def _submit_try(request: AuthedRequest, campaign: Campaign, order: list[int]) -> HttpResponse:
    at, answers = _read_position(request.POST.get("at", "1")), read_posted_answers(request.POST)
    last = {axis.value: request.POST.get(f"last-{axis}", "") for axis in AXES}
    if at > len(order):  # clips do not leave a campaign: a page that was tampered with
        return _render_try(request, campaign, order, at, {})
    try:
        _check(request, make_try_slot(campaign, order[at - 1]), answers, last)
    except AnswersRefused as refusal:
        if request.htmx:
            return respond_problems(refusal.problems)
        return _render_try(request, campaign, order, at, last, answers=answers, problems=refusal.problems)
    reasons = {axis: answer["reason"] for axis, answer in answers.items()}
    return _render_try(request, campaign, order, at + 1, reasons)


def _check(request: AuthedRequest, slot: Slot, answers: FormAnswers, last: dict[str, str]) -> None:
    draft = find_draft(slot)
    check_try(
        actor=request.user,
        slot=slot,
        answers=parse_form_answers(answers, slot.campaign, lambda: (draft, Exposure.FROM_START)),
        viewing=read_viewing(request),
        draft=draft,
        last_reasons={axis: last[axis.value] for axis in AXES},
    )


def _render_try(
    request: AuthedRequest,
    campaign: Campaign,
    order: list[int],
    at: int,
    last: dict[str, str],
    *,
    answers: FormAnswers | None = None,
    problems: Problems | None = None,
) -> HttpResponse:
    slot = make_try_slot(campaign, order[at - 1]) if at <= len(order) else None
    context: dict[str, Any] = {
        "campaign": campaign,
        "desk": present_try(slot, posted=answers, problems=problems) if slot else None,
        "state": "clip" if slot else "tried",
        "trying": {"at": at, "next": at + 1, "of": len(order), "last": last},
    }
    if request.htmx:
        return render(request, "annotation/_rate_desk.html", context)
    page = context | read_guidelines(campaign)
    return render(request, "annotation/rate.html", page, status=422 if problems else 200)


def _read_position(text: str) -> int:
    return parse_number(text) or 1
