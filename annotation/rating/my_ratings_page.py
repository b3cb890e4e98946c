"""What a rater has rated, newest first, and the page on which they edit one: each edit is a revision."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import AuthedRequest, signed_in
from annotation.models import Campaign, Rating, RatingRevision, Slot
from annotation.rating import desk as desks
from annotation.rating import ratings
from annotation.rating.answers import AnswersRefused, Problems, parse_answers
from annotation.rating.desk import FormAnswers
from annotation.rating.rate_page import posted_seconds, posted_viewing
from annotation.shared.levels import level_name
from qsave.axes import AXES

PAGE_SIZE = 30


@signed_in
@require_safe
def my_ratings(request: AuthedRequest) -> HttpResponse:
    """One's own ratings. A page starts below a rating's number, so that a deep one costs no more than the first."""
    rated_in = Slot.objects.filter(rater=request.user, state=Slot.State.DONE, campaign=OuterRef("pk"))
    campaigns = Campaign.objects.filter(Exists(rated_in)).order_by("title", "pk")
    campaign = campaigns.filter(name=request.GET.get("campaign", "")).first()
    before = request.GET.get("before", "")
    mine = Rating.objects.filter(rater=request.user).order_by("-pk")
    if campaign is not None:
        mine = mine.filter(slot__campaign=campaign)
    if before.isascii() and before.isdigit() and len(before) < 19:
        mine = mine.filter(pk__lt=int(before))
    current = RatingRevision.objects.filter(is_current=True).prefetch_related("answers")
    rows = mine.select_related("item__clip", "item__campaign", "slot").prefetch_related(Prefetch("revisions", current))
    page = list(rows[: PAGE_SIZE + 1])
    context = {
        "rows": [_row(rating) for rating in page[:PAGE_SIZE]],
        "before": page[PAGE_SIZE - 1].pk if len(page) > PAGE_SIZE else None,
        "is_first": not before,
        "campaigns": campaigns,
        "campaign": campaign,
    }
    return render(request, "annotation/my_ratings.html", context)


@signed_in
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def my_rating(request: AuthedRequest, pk: int) -> HttpResponse:
    """One rating with its form and its earlier versions; POST adds a revision while the campaign's rule allows it."""
    mine = Rating.objects.filter(rater=request.user).select_related("item__clip", "item__campaign", "slot")
    rating = get_object_or_404(mine, pk=pk)
    if request.method == "POST":
        return _revise(request, rating)
    return _page(request, rating, desks.rating_answers(rating), {})


def _revise(request: AuthedRequest, rating: Rating) -> HttpResponse:
    answers = desks.posted_answers(request.POST)
    try:
        ratings.revise(
            rater=request.user,
            rating_id=rating.pk,
            answers=parse_answers(answers),
            key=_key(request),
            viewing=posted_viewing(request),
            seconds_spent=posted_seconds(request),
        )
    except AnswersRefused as refusal:
        return _page(request, rating, answers, refusal.problems)
    except ratings.EditRefused as refusal:
        return _page(request, rating, answers, {"rating": [str(refusal)]})
    messages.success(request, _("Your rating is changed. The earlier one is kept beside it."))
    return redirect("my-ratings")


def _page(request: AuthedRequest, rating: Rating, answers: FormAnswers, problems: Problems) -> HttpResponse:
    clip, campaign = rating.item.clip, rating.item.campaign
    context = {
        "rating": rating,
        "clip": clip,
        "campaign": campaign,
        "fps": desks.frame_rate(clip),
        "gaps": desks.frame_gaps(clip),
        "axes": desks.desk_for_edit(rating, answers, problems),
        "key": uuid.uuid4(),
        "problems": desks.general_problems(problems),
        "refusal": ratings.why_no_edit(rating),
        "until": ratings.editable_until(rating),
        "earlier": [_scores(revision) | {"at": revision.created_at} for revision in _earlier(rating)],
    }
    return render(request, "annotation/my_rating.html", context, status=422 if problems else 200)


def _row(rating: Rating) -> dict[str, Any]:
    (current,) = rating.revisions.all()
    return _scores(current) | {
        "rating": rating,
        "clip": rating.item.clip,
        "campaign": rating.item.campaign,
        "is_edited": current.number > 1,
        "may_edit": not ratings.why_no_edit(rating),
    }


def _earlier(rating: Rating) -> QuerySet[RatingRevision]:
    return rating.revisions.filter(is_current=False).order_by("-number").prefetch_related("answers")


def _scores(revision: RatingRevision) -> dict[str, Any]:
    answers = {answer.axis: answer for answer in revision.answers.all()}
    told = [(answers[axis.value], level_name(answers[axis.value].score)) for axis in AXES if axis.value in answers]
    return {"number": revision.number, "scores": told}


def _key(request: AuthedRequest) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get("key", ""))
    except ValueError:
        raise BadRequest(_("The form's field 'key' is missing or damaged. Load the page again.")) from None
