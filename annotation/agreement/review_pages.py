"""The review queue and the page of one disputed clip: the cards of its raters, and what the lead decides."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import AuthedRequest, role_required
from accounts.audit_trail import describe_entries
from accounts.models import AuditEntry, Role
from annotation.agreement.clip_evidence import read_item
from annotation.agreement.clip_list import list_generators
from annotation.agreement.review_acts import find_undoable, undo_act
from annotation.agreement.review_cards import Cards, read_cards
from annotation.agreement.review_forms import FORMS, RUN, SETTLES, ReviewForm
from annotation.agreement.review_order import QueueFilterForm, ReviewOrder
from annotation.agreement.review_version import Overtaken, Version, read_version
from annotation.agreement.reviews import read_reviews_in_force
from annotation.models import Campaign, Item
from annotation.rating.answers import AnswersRefused
from annotation.rating.desk_presenter import compute_frame_rate, list_frame_gaps
from annotation.rating.drafts import read_proposal
from annotation.shared.text import parse_number
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.report_card import ReportCard, card_from_json
from qsave.splits import HELD_OUT

Bars = list[tuple[int, int, int, int]]
FILTERS = ("axis", "generator", "split", "reviewed")


@role_required(Role.LEAD)
@require_safe
def review_queue(request: AuthedRequest, name: str) -> HttpResponse:
    """List the disputed clips, the most disputed first. `after` is the last clip of the page before."""
    campaign = get_object_or_404(Campaign, name=name)
    form = QueueFilterForm(request.GET, generators=list_generators(campaign))
    order = ReviewOrder(campaign, form.read_filter())
    page = order.read_page(parse_number(request.GET.get("after", "")))
    context = {
        "campaign": campaign,
        "form": form,
        "page": page,
        "filters": keep_filters(request.GET),
        "after": request.GET.get("after"),
        "done": _read_done(campaign, request.GET),
    }
    return render(request, "annotation/review_queue.html", context)


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def review_clip(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """Show one clip with the cards of its raters. POST does the act `act` if the clip is still as `seen` says."""
    campaign = get_object_or_404(Campaign, name=name)
    item = read_item(campaign, pk)
    if item is None:
        raise Http404(_("There is no such clip in this campaign."))
    act = request.POST.get("act", "")
    if request.method != "POST":
        return _render(request, item, {})
    if act not in FORMS:
        raise Http404(_("There is no such act."))
    cards, start = read_cards(item), _read_decided(item)
    form = FORMS[act](request.POST, item=item, cards=cards, start=start)
    following = _find_neighbours(request, item)[1]
    try:
        entry = _run(request, item, act, form)
    except Overtaken as conflict:
        item = read_item(campaign, pk) or item
        return _render(request, item, {act: form}, events=conflict.events, status=409)
    if entry is None:
        return _render(request, item, {act: form}, status=400)
    return _redirect(request, campaign, following if act in SETTLES else pk, entry)


@role_required(Role.LEAD)
@require_POST
def review_undo(request: AuthedRequest, name: str) -> HttpResponse:
    """Undo the act whose audit entry is sent, and show its clip again."""
    campaign = get_object_or_404(Campaign, name=name)
    entry = parse_number(request.POST.get("entry", "")) or 0
    act = find_undoable(campaign, entry)
    try:
        undo_act(actor=request.user, campaign=campaign, entry=entry)
    except Overtaken as conflict:
        messages.warning(request, _("Not undone. %(reason)s") % {"reason": conflict})
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, _("Undone."))
    return _redirect(request, campaign, int(act.target_id) if act else None, None)


def keep_filters(given: QueryDict) -> str:
    """Return the filters of the queue in an address, without what is empty."""
    query = QueryDict(mutable=True)
    for name in FILTERS:
        if given.get(name):
            query[name] = str(given[name])
    return query.urlencode()


def _run(request: AuthedRequest, item: Item, act: str, form: ReviewForm) -> AuditEntry | None:
    """Do the act and return its entry. None if the form or the service refuses: the form then says why."""
    if not form.is_valid():
        return None
    seen = Version.parse(request.POST.get("seen", ""))
    try:
        entry: AuditEntry = RUN[act](actor=request.user, item=item, seen=seen, **form.read_values())
    except AnswersRefused as refusal:
        form.add_problems(refusal)
    except ValidationError as refusal:
        form.add_refusal(refusal if hasattr(refusal, "error_dict") else ValidationError({"__all__": refusal.messages}))
    else:
        return entry
    return None


def _redirect(request: AuthedRequest, campaign: Campaign, pk: int | None, entry: AuditEntry | None) -> HttpResponse:
    """Go to a clip, or to the queue without one; the page then says what the entry did and offers to undo it."""
    query = QueryDict(keep_filters(request.GET), mutable=True)
    if entry is not None:
        query["done"] = str(entry.pk)
    page = reverse("review-clip", args=(campaign.name, pk)) if pk else reverse("review-queue", args=(campaign.name,))
    return redirect(f"{page}?{query.urlencode()}" if query else page)


def _find_neighbours(request: AuthedRequest, item: Item) -> tuple[int | None, int | None]:
    """Return the clips before and after one in the queue that the address describes."""
    form = QueueFilterForm(request.GET, generators=list_generators(item.campaign))
    return ReviewOrder(item.campaign, form.read_filter()).find_neighbours(item.pk)


def _render(
    request: AuthedRequest, item: Item, bound: dict[str, ReviewForm], *, events: Any = (), status: int = 200
) -> HttpResponse:
    """Render the page of a clip, with forms as they were sent. A test states the number of queries."""
    cards, clip = read_cards(item), item.clip
    review = read_reviews_in_force([item.pk]).get(item.pk)
    decided = card_from_json(review.card) if review else None
    forms = {name: form(None, item=item, cards=cards, start=decided) for name, form in FORMS.items() if name != "card"}
    previous, following = _find_neighbours(request, item)
    seen = read_version(item)
    filters = keep_filters(request.GET)
    context = {
        "campaign": item.campaign,
        "item": item,
        "clip": clip,
        "fps": compute_frame_rate(clip),
        "gaps": list_frame_gaps(clip),
        "cards": cards,
        "rows": [_make_row(item, cards, axis) for axis in AXES],
        "seen": seen,
        "events": events,
        "review": review,
        "decided": list(decided.scores.items()) if decided else [],
        "drafts": _read_drafts(item) if review else [],
        "is_held_out": clip.prompt_group.split in HELD_OUT,
        "forms": forms | bound,
        "failed": next(iter(bound.values()), None),
        "previous": previous,
        "next": following,
        "filters": filters,
        "query": f"?{filters}" if filters else "",
        "action": reverse("review-clip", args=(item.campaign.name, item.pk)) + (f"?{filters}" if filters else ""),
        "done": _read_done(item.campaign, request.GET, seen.entry),
    }
    return render(request, "annotation/review_clip.html", context, status=status)


def _make_row(item: Item, cards: Cards, axis: Axis) -> dict[str, Any]:
    """Return what the table says of an axis: distribution, consensus, contested defects, and each rater's report."""
    labels = {defect["id"]: defect["label"] for defect in item.campaign.taxonomy}
    contested = set(cards.list_contested(axis))
    scores = cards.list_scores(axis)
    reports = [one.card.axis(axis) for one in cards.raters]
    return {
        "axis": axis,
        "scores": scores,
        "bars": _draw_bars(scores),
        "consensus": cards.consensus[axis],
        "contested": [labels.get(defect, defect) for defect in sorted(contested)],
        "reports": [
            (report, [(labels.get(defect, defect), defect in contested) for defect in report.defects])
            for report in reports
        ],
    }


def _draw_bars(scores: list[int]) -> Bars:
    """Return a bar for each level: its x, its height of 24, its level, and how many raters gave it."""
    most = max((scores.count(score) for score in scores), default=1)
    return [
        (18 * (level - MIN_LEVEL), 24 * scores.count(level) // most, level, scores.count(level))
        for level in range(MIN_LEVEL, MAX_LEVEL + 1)
    ]


def _read_decided(item: Item) -> ReportCard | None:
    review = read_reviews_in_force([item.pk]).get(item.pk)
    return card_from_json(review.card) if review else None


def _read_drafts(item: Item) -> list[tuple[str, list[tuple[Axis, float | None]]]]:
    """Return the critics that drafted, with the score of each axis that they proposed."""
    drafts = item.drafts.filter(clip_version=item.clip.version).order_by("pk")
    return [(draft.critic, [(axis, one.score) for axis, one in read_proposal(draft).axes.items()]) for draft in drafts]


def _read_done(campaign: Campaign, given: QueryDict, newest: int = 0) -> dict[str, Any] | None:
    """Return the act that the page offers to undo, with its sentence, or None.

    It is the one that the lead has just done, of which the address has the entry, else the `newest` act on the clip.
    """
    entry = find_undoable(campaign, parse_number(given.get("done", "")) or newest)
    return {"entry": entry, "sentence": describe_entries([entry])[0].sentence} if entry else None
