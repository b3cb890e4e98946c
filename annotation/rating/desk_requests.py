"""The requests that the desk's script makes while a clip is on the desk: lease, saved work, late draft, next video."""

from dataclasses import asdict
from datetime import datetime

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from accounts.access import AuthedRequest, signed_in
from annotation.models import Campaign
from annotation.rating import queue, ratings
from annotation.rating.desk_form import (
    make_blank_answer,
    read_held_item,
    read_number,
    read_posted_answers,
    read_saved_answers,
    read_uuid,
)
from annotation.rating.desk_presenter import DraftMark, make_draft_answers, make_draft_marks
from annotation.rating.drafts import find_late_draft, find_shown_draft, show_late_draft
from annotation.rating.rate_page import find_campaign, find_held_slot, respond_lease_lost
from annotation.rating.upcoming import guess_next_clip
from annotation.shared.media_urls import locate_media
from annotation.shared.reading_lanes import ReadingLane, drafts_from_readings, read_lanes

PREFETCH_BYTES = 32 * 1024 * 1024
"""The page prefetches no video that is larger."""


@signed_in
@require_POST
def rate_renew(request: AuthedRequest, name: str) -> HttpResponse:
    """Start the lease again; 409 when the clip has gone to another rater or is excluded."""
    campaign, held = find_campaign(request, name), read_held_item(request)
    try:
        expires = queue.renew(rater=request.user, lease=held.lease, item_id=held.item_id)
    except queue.LeaseLost as lost:
        return respond_lease_lost(request, campaign, lost)
    return JsonResponse({"expires": expires.isoformat(), "state": campaign.state})


@signed_in
@require_POST
def rate_save(request: AuthedRequest, name: str) -> HttpResponse:
    """Save what is typed; 409 with the other tab's answers when that tab has saved meanwhile.

    The response also says if the clip is excluded, so that the rater need not type on.
    """
    find_campaign(request, name)
    answers = read_posted_answers(request.POST)
    try:
        saved = ratings.save_work(
            rater=request.user,
            item_id=read_number(request, "item"),
            answers=answers,
            base_version=read_number(request, "base_version"),
            tab=read_uuid(request, "tab"),
        )
    except ratings.SavedWorkConflict as conflict:
        saved = conflict.saved
        version = {"version": saved.version, "saved_at": _format_time(saved.saved_at)}
        return JsonResponse({"message": str(conflict), "answers": read_saved_answers(saved), **version}, status=409)
    except ValueError:
        return JsonResponse({"message": _("What you typed is too long to be saved. Shorten it.")}, status=422)
    excluded = queue.explain_exclusion(saved.item)
    return JsonResponse({"version": saved.version, "saved_at": _format_time(saved.saved_at), "excluded": excluded})


@signed_in
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def rate_draft(request: AuthedRequest, name: str) -> HttpResponse:
    """GET: name the critic of a draft that arrived while the rater works. POST: send it and record that it was shown.

    204 while there is no such draft.
    """
    campaign = find_campaign(request, name)
    if request.method == "POST":
        return _show_late_draft(request, campaign)
    slot = find_held_slot(request, campaign)
    draft = find_late_draft(slot) if slot and str(slot.lease) == request.GET.get("lease") else None
    return JsonResponse({"critic": draft.critic}) if draft else HttpResponse(status=204)


@signed_in
@never_cache
@require_safe
def rate_readings(request: AuthedRequest, name: str) -> HttpResponse:
    """Send what the critic measured over time whose draft is on the desk.

    204 if there is no such draft, as in the blind arm, if its critic measures nothing, or before the clip was measured.
    """
    campaign = find_campaign(request, name)
    slot = find_held_slot(request, campaign)
    lanes: list[ReadingLane] = []
    if slot and str(slot.lease) == request.GET.get("lease"):
        draft, _exposure = find_shown_draft(request.user, slot.item_id)
        if draft is not None and drafts_from_readings(draft.critic):
            lanes = read_lanes(slot.item.clip.sha256)
    return JsonResponse({"lanes": [asdict(lane) for lane in lanes]}) if lanes else HttpResponse(status=204)


def _show_late_draft(request: AuthedRequest, campaign: Campaign) -> HttpResponse:
    draft = show_late_draft(rater=request.user, lease=read_uuid(request, "lease"))
    if draft is None:
        return HttpResponse(status=204)
    answers = make_draft_answers(campaign, draft)
    axes = {
        axis.value: {
            "answer": answers.get(axis) or make_blank_answer(),
            "html": _render_draft_bar(request, axis.value, mark),
        }
        for axis, mark in make_draft_marks(campaign, draft).items()
    }
    return JsonResponse({"axes": axes})


@signed_in
@never_cache
@require_GET
def rate_upcoming(request: AuthedRequest, name: str) -> HttpResponse:
    """Respond with the video that probably comes next, for prefetching.

    Respond with 204 if no clip is left or the video is too large.
    """
    clip = guess_next_clip(rater=request.user, campaign=find_campaign(request, name))
    if clip is None or clip.bytes > PREFETCH_BYTES:
        return HttpResponse(status=204)
    return JsonResponse({"video": locate_media("video", clip)})


def _render_draft_bar(request: HttpRequest, axis: str, mark: DraftMark) -> str:
    context = {"axis": {"axis": axis, "title": axis.capitalize(), "draft": mark, "answer": {}}}
    return render_to_string("annotation/_rate_draft.html", context, request)


def _format_time(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%H:%M:%S")
