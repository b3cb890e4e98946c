"""The page of a rater's own ratings, newest first, and the page on which they edit one: each edit is a revision."""

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import AuthedRequest, signed_in
from annotation.models import Campaign, Rating, RatingRevision, Slot
from annotation.rating import ratings
from annotation.rating.answers import AnswersRefused, Problems, parse_answers
from annotation.rating.desk_form import FormAnswers, read_posted_answers, read_rating_answers, read_submission
from annotation.rating.desk_presenter import (
    compute_frame_rate,
    list_frame_gaps,
    list_general_problems,
    present_edit,
)
from annotation.shared.levels import get_level_name
from annotation.shared.text import parse_number
from qsave.axes import AXES

PAGE_SIZE = 30


@signed_in
@require_safe
def my_ratings(request: AuthedRequest) -> HttpResponse:
    """List the person's own ratings. Pages are cut by key, not by offset, so that every page costs the same."""
    rated_in = Slot.objects.filter(rater=request.user, state=Slot.State.DONE, campaign=OuterRef("pk"))
    campaigns = Campaign.objects.filter(Exists(rated_in)).order_by("title", "pk")
    campaign = campaigns.filter(name=request.GET.get("campaign", "")).first()
    before = parse_number(request.GET.get("before", ""))
    own = Rating.objects.filter(rater=request.user).order_by("-pk")
    if campaign is not None:
        own = own.filter(slot__campaign=campaign)
    if before is not None:
        own = own.filter(pk__lt=before)
    current = RatingRevision.objects.filter(is_current=True).prefetch_related("answers")
    rows = own.select_related("item__clip", "item__campaign", "slot").prefetch_related(Prefetch("revisions", current))
    page = list(rows[: PAGE_SIZE + 1])
    context = {
        "rows": [_make_row(rating) for rating in page[:PAGE_SIZE]],
        "before": page[PAGE_SIZE - 1].pk if len(page) > PAGE_SIZE else None,
        "is_first": before is None,
        "campaigns": campaigns,
        "campaign": campaign,
    }
    return render(request, "annotation/my_ratings.html", context)


@signed_in
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def my_rating(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show one rating with its form and its earlier revisions. POST adds a revision while the campaign allows it."""
    own = Rating.objects.filter(rater=request.user).select_related("item__clip", "item__campaign", "slot")
    rating = get_object_or_404(own, pk=pk)
    if request.method == "POST":
        return _revise(request, rating)
    return _render_page(request, rating, read_rating_answers(rating), {})


def _revise(request: AuthedRequest, rating: Rating) -> HttpResponse:
    answers = read_posted_answers(request.POST)
    try:
        submission = read_submission(request, parse_answers(answers))
        ratings.revise(rater=request.user, rating_id=rating.pk, submission=submission)
    except AnswersRefused as refusal:
        return _render_page(request, rating, answers, refusal.problems)
    except ratings.EditRefused as refusal:
        return _render_page(request, rating, answers, {"rating": [str(refusal)]})
    messages.success(request, _("Rating changed. The earlier version is kept."))
    return redirect("my-ratings")


def _render_page(request: AuthedRequest, rating: Rating, answers: FormAnswers, problems: Problems) -> HttpResponse:
    clip, campaign = rating.item.clip, rating.item.campaign
    context = {
        "rating": rating,
        "clip": clip,
        "campaign": campaign,
        "fps": compute_frame_rate(clip),
        "gaps": list_frame_gaps(clip),
        "axes": present_edit(rating, answers, problems),
        "key": uuid.uuid4(),
        "problems": list_general_problems(problems),
        "refusal": ratings.explain_no_edit(rating),
        "until": ratings.compute_edit_end(rating),
        "earlier": [_list_scores(revision) | {"at": revision.created_at} for revision in _list_earlier(rating)],
    }
    return render(request, "annotation/my_rating.html", context, status=422 if problems else 200)


def _make_row(rating: Rating) -> dict[str, Any]:
    (current,) = rating.revisions.all()
    return _list_scores(current) | {
        "rating": rating,
        "clip": rating.item.clip,
        "campaign": rating.item.campaign,
        "is_edited": current.number > 1,
        "may_edit": not ratings.explain_no_edit(rating),
    }


def _list_earlier(rating: Rating) -> QuerySet[RatingRevision]:
    return rating.revisions.filter(is_current=False).order_by("-number").prefetch_related("answers")


def _list_scores(revision: RatingRevision) -> dict[str, Any]:
    answers = {answer.axis: answer for answer in revision.answers.all()}
    scores = [
        (answers[axis.value], get_level_name(answers[axis.value].score)) for axis in AXES if axis.value in answers
    ]
    return {"number": revision.number, "scores": scores}
