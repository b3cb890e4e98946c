"""A campaign's members: who they are, adding and inviting them, and letting somebody in who did not qualify."""

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
from annotation.campaigns.policy import update_policy
from annotation.models import Campaign, CampaignInvitation, CampaignMember, Qualification, Slot
from annotation.raters import members as service
from annotation.raters.name_lists import MOST_BYTES, ListRefused, decoded, read_names
from annotation.raters.screening import is_screened, read_verdicts
from annotation.shared.csv_rows import write_csv
from qsave.words import isolate

PAGE = 100


@role_required(Role.LEAD)
@require_safe
def members(request: AuthedRequest, name: str) -> HttpResponse:
    """Who may rate: members, others who have rated, and who failed to qualify."""
    return _page(request, get_object_or_404(Campaign, name=name))


@role_required(Role.LEAD)
@require_POST
def add_member(request: AuthedRequest, name: str) -> HttpResponse:
    campaign, username = get_object_or_404(Campaign, name=name), request.POST.get("username", "")
    return _deed(
        request,
        campaign,
        lambda: service.add_member(actor=request.user, campaign=campaign, username=username),
        _("%(name)s is a member now.") % {"name": isolate(username.strip())},
    )


@role_required(Role.LEAD)
@require_POST
def remove_member(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    campaign, user = get_object_or_404(Campaign, name=name), get_object_or_404(User, pk=pk)
    return _deed(
        request,
        campaign,
        lambda: service.remove_member(actor=request.user, campaign=campaign, user=user),
        _("%(name)s is no longer a member. What they rated stays.") % {"name": isolate(user)},
    )


@role_required(Role.LEAD)
@require_POST
def let_in(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    campaign, user = get_object_or_404(Campaign, name=name), get_object_or_404(User, pk=pk)
    return _deed(
        request,
        campaign,
        lambda: service.let_in(actor=request.user, campaign=campaign, rater=user),
        _("%(name)s can rate now.") % {"name": isolate(user)},
    )


@role_required(Role.LEAD)
@require_POST
def open_to(request: AuthedRequest, name: str) -> HttpResponse:
    """Opens the campaign to every annotator, or to its members only."""
    campaign, chosen = get_object_or_404(Campaign, name=name), request.POST.get("open_to", "")
    if chosen not in Campaign.OpenTo.values:
        raise BadRequest(
            _("A campaign is open to one of %(values)s, not to %(chosen)r.")
            % {"values": ", ".join(Campaign.OpenTo.values), "chosen": chosen}
        )
    done = _("Open to %(whom)s now.") % {"whom": Campaign.OpenTo(chosen).label}
    return _deed(request, campaign, lambda: update_policy(actor=request.user, campaign=campaign, open_to=chosen), done)


@role_required(Role.LEAD)
@never_cache
@require_POST
def invite_members(request: AuthedRequest, name: str) -> HttpResponse:
    """Makes the links and shows them, this once, on a page that also holds them as CSV: they are stored nowhere."""
    campaign = get_object_or_404(Campaign, name=name)
    try:
        found = read_names(_sent_text(request))
    except ListRefused as refusal:
        return _page(request, campaign, refusal=str(refusal), typed=request.POST.get("names", ""))
    if not found.people:
        nobody = _("There is no name in it. Write one a line, or choose a CSV file.")
        return _page(request, campaign, refusal=nobody, problems=found.problems)
    made = service.invite_members(actor=request.user, campaign=campaign, people=found.people)
    links = [(who, request.build_absolute_uri(reverse("accept-invitation", args=[secret]))) for who, secret in made]
    context = {
        "campaign": campaign,
        "links": links,
        "problems": found.problems,
        "csv": quote("".join(write_csv(["name", "link"], links)), safe=""),
    }
    return render(request, "annotation/member_links.html", context)


def _sent_text(request: HttpRequest) -> str:
    file, typed = request.FILES.get("file"), request.POST.get("names", "").strip()
    if file and typed:
        raise ListRefused(_("Either write the names or choose a file: both at once cannot be told apart."))
    return decoded(file.read(MOST_BYTES + 1)) if file else typed


def _page(request: AuthedRequest, campaign: Campaign, *, refusal: str = "", **more: Any) -> HttpResponse:
    """A hundred people at a time, by name; five queries."""
    after = request.GET.get("after", "")
    people = _people(campaign).filter(username__gt=after).order_by("username")[: PAGE + 1]
    rows = list(people)
    verdicts = read_verdicts(campaign)
    qualified = Qualification.objects.filter(campaign=campaign, rater__in=[person.pk for person in rows])
    by_rater = {one.rater_id: one for one in qualified.select_related("let_in_by")}
    context = {
        "campaign": campaign,
        "people": [(person, by_rater.get(person.pk), is_screened(verdicts.get(person.pk))) for person in rows[:PAGE]],
        "more": rows[PAGE - 1].username if len(rows) > PAGE else "",
        "waiting": CampaignInvitation.objects.filter(
            campaign=campaign, invitation__accepted_by=None, invitation__revoked_at=None
        ).count(),
        "choices": Campaign.OpenTo.choices,
        "refusal": refusal,
        **more,
    }
    return render(request, "annotation/members.html", context, status=422 if refusal else 200)


def _people(campaign: Campaign) -> QuerySet[User]:
    member = CampaignMember.objects.filter(campaign=campaign, user=OuterRef("pk"))
    qualified = Qualification.objects.filter(campaign=campaign, rater=OuterRef("pk"))
    rated = Q(slots__campaign=campaign, slots__state=Slot.State.DONE)
    people = User.objects.annotate(
        is_member=Exists(member),
        rated=Count("slots", filter=rated & ~Q(slots__kind=Slot.Kind.QUALIFICATION)),
    )
    return people.filter(Q(is_member=True) | Q(rated__gt=0) | Exists(qualified))


def _deed(request: AuthedRequest, campaign: Campaign, deed: Callable[[], object], done: str) -> HttpResponse:
    try:
        deed()
    except service.MemberRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)
    return redirect("members", name=campaign.name)
