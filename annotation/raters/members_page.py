"""The page of a campaign's members: list, add, invite and remove them, and let in raters who failed to qualify."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role, User
from accounts.services import list_valid_invitations
from annotation.campaigns.policy import update_policy
from annotation.models import Campaign, CampaignInvitation, CampaignMember, Qualification, Slot
from annotation.raters import members as service
from annotation.raters.name_lists import MAX_BYTES, ListRefused, NameList, read_names
from annotation.raters.screening import is_screened, read_verdicts
from qsave.csv_rows import write_csv
from qsave.words import isolate

PAGE_SIZE = 100


@role_required(Role.LEAD)
@require_safe
def members(request: AuthedRequest, name: str) -> HttpResponse:
    """List members, others who have rated, and raters who failed to qualify."""
    return _render_page(request, get_object_or_404(Campaign, name=name))


@role_required(Role.LEAD)
@require_POST
def add_member(request: AuthedRequest, name: str) -> HttpResponse:
    campaign, username = get_object_or_404(Campaign, name=name), request.POST.get("username", "")
    return _respond(
        request,
        campaign,
        lambda: service.add_member(actor=request.user, campaign=campaign, username=username),
        _("%(name)s is now a member.") % {"name": isolate(username.strip())},
    )


@role_required(Role.LEAD)
@require_POST
def remove_member(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    campaign, user = get_object_or_404(Campaign, name=name), get_object_or_404(User, pk=pk)
    return _respond(
        request,
        campaign,
        lambda: service.remove_member(actor=request.user, campaign=campaign, user=user),
        _("%(name)s is no longer a member. Their ratings stay.") % {"name": isolate(user)},
    )


@role_required(Role.LEAD)
@require_POST
def let_in(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    campaign, user = get_object_or_404(Campaign, name=name), get_object_or_404(User, pk=pk)
    return _respond(
        request,
        campaign,
        lambda: service.let_in(actor=request.user, campaign=campaign, rater=user),
        _("%(name)s is admitted and can now rate.") % {"name": isolate(user)},
    )


@role_required(Role.LEAD)
@require_POST
def open_to(request: AuthedRequest, name: str) -> HttpResponse:
    """Open the campaign to every annotator, or to its members only."""
    campaign, chosen = get_object_or_404(Campaign, name=name), request.POST.get("open_to", "")
    if chosen not in Campaign.OpenTo.values:
        raise BadRequest(
            _("A campaign can be open to %(values)s, but not to %(chosen)r.")
            % {"values": ", ".join(Campaign.OpenTo.values), "chosen": chosen}
        )
    success = _("Now open to: %(group)s.") % {"group": Campaign.OpenTo(chosen).label}
    return _respond(
        request, campaign, lambda: update_policy(actor=request.user, campaign=campaign, open_to=chosen), success
    )


@role_required(Role.LEAD)
@never_cache
@require_POST
def invite_members(request: AuthedRequest, name: str) -> HttpResponse:
    """Create the links and show them once, on a page that also offers them as CSV: they are not stored."""
    campaign = get_object_or_404(Campaign, name=name)
    try:
        names = _read_names(request)
    except ListRefused as refusal:
        return _render_page(request, campaign, refusal=str(refusal), typed=request.POST.get("names", ""))
    if not names.people:
        no_names = _("There is no name to invite. Write one name per line, or choose a table.")
        return _render_page(request, campaign, refusal=no_names, problems=names.problems)
    invitations = service.invite_members(actor=request.user, campaign=campaign, people=names.people)
    links = [
        (name, request.build_absolute_uri(reverse("accept-invitation", args=[secret]))) for name, secret in invitations
    ]
    context = {
        "campaign": campaign,
        "links": links,
        "problems": names.problems,
        "csv": quote("".join(write_csv(["name", "link"], links)), safe=""),
    }
    return render(request, "annotation/member_links.html", context)


def _read_names(request: HttpRequest) -> NameList:
    file, typed = request.FILES.get("file"), request.POST.get("names", "").strip()
    if file and typed:
        raise ListRefused(_("Either write the names or choose a file, not both."))
    if file:
        return read_names(file.read(MAX_BYTES + 1), file.name or "")
    return read_names(typed.encode("utf-8", "replace")) if typed else NameList()


def _render_page(request: AuthedRequest, campaign: Campaign, *, refusal: str = "", **more: Any) -> HttpResponse:
    """Show a hundred people at a time, by name. Five queries."""
    after = request.GET.get("after", "")
    people = _list_people(campaign).filter(username__gt=after).order_by("username")[: PAGE_SIZE + 1]
    rows = list(people)
    verdicts = read_verdicts(campaign)
    qualified = Qualification.objects.filter(campaign=campaign, rater__in=[person.pk for person in rows])
    by_rater = {verdict.rater_id: verdict for verdict in qualified.select_related("let_in_by")}
    context = {
        "campaign": campaign,
        "people": [
            (person, by_rater.get(person.pk), is_screened(verdicts.get(person.pk))) for person in rows[:PAGE_SIZE]
        ],
        "more": rows[PAGE_SIZE - 1].username if len(rows) > PAGE_SIZE else "",
        "waiting": CampaignInvitation.objects.filter(
            campaign=campaign, invitation__in=list_valid_invitations()
        ).count(),
        "choices": Campaign.OpenTo.choices,
        "refusal": refusal,
        **more,
    }
    return render(request, "annotation/members.html", context, status=422 if refusal else 200)


def _list_people(campaign: Campaign) -> QuerySet[User]:
    member = CampaignMember.objects.filter(campaign=campaign, user=OuterRef("pk"))
    qualified = Qualification.objects.filter(campaign=campaign, rater=OuterRef("pk"))
    rated = Q(slots__campaign=campaign, slots__state=Slot.State.DONE)
    people = User.objects.annotate(
        is_member=Exists(member),
        rated=Count("slots", filter=rated & ~Q(slots__kind=Slot.Kind.QUALIFICATION)),
    )
    return people.filter(Q(is_member=True) | Q(rated__gt=0) | Exists(qualified))


def _respond(request: AuthedRequest, campaign: Campaign, write: Callable[[], object], success: str) -> HttpResponse:
    try:
        write()
    except service.MemberRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, success)
    return redirect("members", name=campaign.name)
