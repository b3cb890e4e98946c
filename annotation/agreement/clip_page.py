"""The page of one clip of a campaign, for its lead: the evidence of raters and critics, MOS, history, and decisions."""

from collections import Counter
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.agreement.axis_tallies import AxisTallies, read_axis_tallies
from annotation.agreement.clip_evidence import Evidence, read_evidence, read_item
from annotation.agreement.clip_filter import ClipFilterForm, keep_filters
from annotation.agreement.clip_history import read_history
from annotation.agreement.clip_list import find_neighbours, list_generators
from annotation.agreement.clip_mos import draw_mos_strip, read_item_mos
from annotation.agreement.clip_timeline import lay_out_timeline
from annotation.agreement.imported import read_clip_judgements
from annotation.campaigns import reports
from annotation.campaigns.forms import MarkForm
from annotation.campaigns.marking import mark_item, read_mark
from annotation.campaigns.undo import find_exclusion
from annotation.corrections.uploads import find_replacement
from annotation.models import Campaign, Clip, ClipVersion, Item
from annotation.raters.screening import read_screened_raters
from annotation.rating.desk_presenter import compute_frame_rate, list_frame_gaps
from annotation.shared.clip_holders import list_holders
from annotation.shared.reading_lanes import read_lanes
from annotation.shared.text import parse_number
from qsave.axes import AXES, Axis
from qsave.words import isolate

TallyReader = Callable[[Axis], AxisTallies]


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def campaign_item(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """Show one clip with all that is known of it; POST saves its mark and priority."""
    campaign = get_object_or_404(Campaign, name=name)
    item = read_item(campaign, pk)
    if item is None:
        raise Http404(_("There is no such clip in this campaign."))
    form = MarkForm(request.POST or None, initial=_read_marks(item))
    if request.method == "POST" and form.is_valid() and _save_marks(request, item, form):
        messages.success(request, _("Marks of %(clip)s saved.") % {"clip": isolate(item.clip.clip_id)})
        return _redirect(request, name, pk)
    read_tallies = cache(partial(read_axis_tallies, campaign))  # the MOS and the neighbours need the same ones
    version = parse_number(request.GET.get("version", ""))
    context = (
        _read_context(item, read_tallies, version) | _read_neighbours(request, item, read_tallies) | {"form": form}
    )
    return render(request, "annotation/campaign_item.html", context)


def _read_neighbours(request: AuthedRequest, item: Item, read_tallies: TallyReader) -> dict[str, Any]:
    """Return the clips before and after this one in the list that the lead came from, which the address describes."""
    generators = list_generators(item.campaign)
    wanted = ClipFilterForm(request.GET, campaign=item.campaign, generators=generators).read_filter()
    previous, following = find_neighbours(item.campaign, wanted, item.pk, read_tallies(wanted.axis))
    filters = keep_filters(request.GET)
    return {
        "previous": previous,
        "next": following,
        "query": f"?{filters}" if filters else "",
        "back": _write_address_in_list(item, filters),
    }


def _write_address_in_list(item: Item, filters: str) -> str:
    """Return the address of the list at the clip's row; its fragment works without scripts."""
    separator = "&" if filters else ""
    return f"{reverse('campaign-items', args=(item.campaign.name,))}?{filters}{separator}at={item.pk}#clip-{item.pk}"


def _redirect(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """Return to the page of the clip, with the filters of the list that the lead came from."""
    filters = keep_filters(request.GET)
    page = reverse("campaign-item", args=(name, pk))
    return redirect(f"{page}?{filters}" if filters else page)


def _read_context(item: Item, read_tallies: TallyReader, version: int | None) -> dict[str, Any]:
    """Return what the page shows of an item, beside the form of its marks. A test states the number of queries.

    `version` is that of the file which plays, if it is not the present one.
    """
    screened = read_screened_raters(item.campaign)
    evidence, clip = read_evidence(item, screened), _choose_file(item.clip, version)
    shown_version = clip.number if isinstance(clip, ClipVersion) else clip.version
    opinions = evidence.select_opinions(shown_version)
    mos = [(one, draw_mos_strip(one)) for one in read_item_mos(item, screened, read_tallies)]
    skips = list(item.skips.select_related("rater", "settled_by").order_by("pk"))
    return {
        "campaign": item.campaign,
        "item": item,
        "clip": clip,
        "shown_version": shown_version,
        **_read_corrections(item, evidence),
        "fps": compute_frame_rate(clip),
        "gaps": list_frame_gaps(clip),
        "axes": AXES,
        "evidence": evidence,
        "pieces": [(opinion, piece) for opinion in opinions for piece in opinion.pieces],
        "lanes": lay_out_timeline(opinions, clip.duration),
        "readings": read_lanes(clip.sha256),
        "mos": mos,
        "has_mos": any(strip for _one, strip in mos),
        "reports": [skip for skip in skips if skip.kind in reports.REPORTS],
        "history": read_history(item, evidence, skips),
        "exclusion": find_exclusion(item) if item.availability == Item.Availability.EXCLUDED else None,
        "elsewhere": read_clip_judgements(item.clip, item.campaign),
    }


def _choose_file(clip: Clip, version: int | None) -> Clip | ClipVersion:
    """Return the files of a version of the clip. Raises Http404 if it has no such version."""
    if version in (None, clip.version):
        return clip
    earlier = clip.versions.select_related("clip").filter(number=version).first()
    if earlier is None:
        raise Http404(_("This clip has no such version."))
    return earlier


def _read_corrections(item: Item, evidence: Evidence) -> dict[str, Any]:
    """Return the earlier files of the clip with their numbers of ratings, and what holds a withdrawn clip."""
    clip = item.clip
    saw = Counter(rated.rating.clip_version for rated in evidence.ratings)
    earlier = clip.versions.select_related("replaced_by").order_by("-number") if clip.version > 1 else ()
    context: dict[str, Any] = {
        "versions": [{"version": version, "ratings": saw[version.number]} for version in earlier],
        "replacement": find_replacement(clip),
    }
    if clip.is_withdrawn:
        successors = Item.objects.filter(campaign=item.campaign, clip=clip.successor_id).select_related("clip")
        context |= {"successor": successors.first(), "holders": list_holders([clip])}
    return context


def _read_marks(item: Item) -> dict[str, Any]:
    return {"mark": read_mark(item).value, "feedback": item.feedback, "priority": item.priority, **(item.gold or {})}


def _save_marks(request: AuthedRequest, item: Item, form: MarkForm) -> bool:
    values = form.cleaned_data
    try:
        mark_item(
            actor=request.user,
            item=item,
            mark=values["mark"],
            scores=form.read_scores(),
            feedback=values["feedback"],
            priority=values["priority"],
        )
    except ValidationError as refusal:
        form.add_refusal(refusal)
        return False
    return True


@role_required(Role.LEAD)
@require_POST
def give_out_item(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """Give out a clip again that is held back or, with a reason, one that is excluded, and settle its reports."""
    return _decide(request, name, pk, reports.give_out_again, _("Raters can get this clip again."))


@role_required(Role.LEAD)
@require_POST
def exclude_item(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """Exclude a clip from the campaign, with a reason, and settle its reports."""
    done = _("Clip excluded. Its ratings stay, but figures and the next release leave it out.")
    return _decide(request, name, pk, reports.exclude, done)


def _decide(request: AuthedRequest, name: str, pk: int, act: Callable[..., None], done: str) -> HttpResponse:
    """Do the act with the reason that was sent, and return to the page of the clip with what was done or why not."""
    item = get_object_or_404(Item, campaign__name=name, pk=pk)
    try:
        act(actor=request.user, item=item, reason=request.POST.get("reason", ""))
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, done)
    return _redirect(request, name, pk)
