"""Outside panels: the lead's page of them, and the public pages where their people begin and end."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import throttle
from accounts.access import AuthedRequest, public, role_required, signed_in
from accounts.addresses import client_address
from accounts.models import Role, User
from annotation.models import Campaign, Panel, PanelParticipant
from annotation.raters import panels as service
from annotation.raters.admission import why_not
from qsave.words import isolate

BACKEND = "django.contrib.auth.backends.ModelBackend"
ID_NAMES = ("participant", "PROLIFIC_PID", "workerId", "participantId")
"""How panels call a person's number in the links that they make."""
PAGE = 100
BEGINNINGS = throttle.Limits("panel", by_name_and_address=120, by_name=1200, by_address=240)
"""Beginnings in the throttle's window: a class in one room fits in; trying out other people's numbers does not."""


class PanelForm(forms.Form):
    """What a lead says of a panel."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    quota = forms.IntegerField(
        label=gettext_lazy("Ratings of each participant"),
        min_value=1,
        max_value=10_000,
        initial=20,
        help_text=gettext_lazy("After so many a participant is done and gets the code."),
    )
    completion_code = forms.CharField(
        label=gettext_lazy("Completion code"),
        max_length=80,
        help_text=gettext_lazy("What participants hand in to be paid. Take the panel's own where it gives you one."),
    )
    return_url = forms.URLField(
        label=gettext_lazy("Return address"),
        required=False,
        assume_scheme="https",
        help_text=gettext_lazy("Where participants go back to when they are done: an https address."),
    )


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def panels(request: AuthedRequest, name: str) -> HttpResponse:
    """The panels of a campaign with their participants; POST makes one and shows its link, this once."""
    campaign = get_object_or_404(Campaign, name=name)
    form = PanelForm(request.POST or None, initial={"completion_code": service.new_code()})
    if request.method == "POST" and form.is_valid():
        made = _make(request, campaign, form)
        if made is not None:
            return _show_link(request, *made)
    context = {"campaign": campaign, "form": form, "panels": [_told(panel) for panel in _panels(campaign)]}
    return render(request, "annotation/panels.html", context, status=422 if form.errors else 200)


def _make(request: AuthedRequest, campaign: Campaign, form: PanelForm) -> tuple[Panel, str] | None:
    try:
        return service.make_panel(actor=request.user, campaign=campaign, **form.cleaned_data)
    except ValidationError as refusal:
        form.add_error(None, refusal)
        return None


def _show_link(request: HttpRequest, panel: Panel, secret: str) -> HttpResponse:
    link = request.build_absolute_uri(reverse("panel-begin", args=[secret]))
    return render(request, "annotation/panel_link.html", {"panel": panel, "campaign": panel.campaign, "link": link})


def _panels(campaign: Campaign) -> list[Panel]:
    return list(Panel.objects.filter(campaign=campaign).select_related("created_by").order_by("-pk"))


def _told(panel: Panel) -> dict[str, Any]:
    found = list(panel.participants.select_related("user").order_by("-pk")[: PAGE + 1])
    rated = service.rated_by(panel, [participant.user_id for participant in found])
    rows = [(participant, rated.get(participant.user_id, 0)) for participant in found[:PAGE]]
    done = panel.participants.filter(completed_at__isnull=False).count()
    return {
        "panel": panel,
        "rows": rows,
        "more": len(found) > PAGE,
        "all": panel.participants.count(),
        "done": done,
        "has_lead": panel.created_by.may_give(Role.ANNOTATOR),
    }


@role_required(Role.LEAD)
@require_POST
@never_cache
def panel_new_link(request: AuthedRequest, pk: int) -> HttpResponse:
    panel = get_object_or_404(Panel.objects.select_related("campaign"), pk=pk)
    return _show_link(request, panel, service.new_link(actor=request.user, panel=panel))


@role_required(Role.LEAD)
@require_POST
def panel_close(request: AuthedRequest, pk: int) -> HttpResponse:
    panel = get_object_or_404(Panel.objects.select_related("campaign"), pk=pk)
    service.close_panel(actor=request.user, panel=panel)
    messages.success(request, _("The panel is closed, and its guests are signed out. What they rated is kept."))
    return redirect("panels", name=panel.campaign.name)


@role_required(Role.LEAD)
@require_POST
def panel_take_over(request: AuthedRequest, pk: int) -> HttpResponse:
    panel = get_object_or_404(Panel.objects.select_related("campaign", "created_by"), pk=pk)
    try:
        service.take_over(actor=request.user, panel=panel)
    except service.PanelRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("You look after the panel %(panel)s now.") % {"panel": isolate(panel)})
    return redirect("panels", name=panel.campaign.name)


@public(reason="participants of a panel have no account yet; the link carries a secret")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def panel_begin(request: HttpRequest, secret: str) -> HttpResponseBase:
    """Where a panel's link leads: what awaits the participant, and a button that begins. Nothing changes on GET."""
    panel = service.open_panel(secret)
    if panel is None:
        return render(request, "annotation/panel_closed.html", status=410)
    external_id = _external_id(request)
    problem, status = "", 200
    if request.method == "POST":
        problem, status = _begin(request, panel, external_id)
        if not problem:
            return redirect("rate", name=panel.campaign.name)
    somebody = request.user if isinstance(request.user, User) and not request.user.is_guest else None
    context = {"panel": panel, "campaign": panel.campaign, "external_id": external_id, "problem": problem}
    return render(request, "annotation/panel_begin.html", context | {"somebody": somebody}, status=status)


def _external_id(request: HttpRequest) -> str:
    sent = request.POST if request.method == "POST" else request.GET
    return next((sent[name].strip() for name in ID_NAMES if sent.get(name, "").strip()), "")


def _begin(request: HttpRequest, panel: Panel, external_id: str) -> tuple[str, int]:
    """Signs the participant in for this browser session; else what is in the way, with its status."""
    if not throttle.admit(str(panel.pk), client_address(request), BEGINNINGS):
        return _("Too many have begun from this network just now. Try again in a quarter of an hour."), 429
    try:
        user = service.begin(panel=panel, external_id=external_id).user
    except service.PanelRefused as refusal:
        return str(refusal), 422
    if not user.is_active:
        return _("This participant has been shut out. Ask the people who sent you."), 403
    login(request, user, backend=BACKEND)
    request.session.set_expiry(0)
    return "", 200


@signed_in
@never_cache
@require_safe
def panel_done(request: AuthedRequest) -> HttpResponse:
    """The completion code, once a participant's part is done; before that, how much is left."""
    found = PanelParticipant.objects.select_related("panel__campaign").filter(user=request.user).first()
    if found is None:
        raise Http404(_("You did not come with a panel."))
    context = {"participant": found, "panel": found.panel, "rated": service.rated_for(found)}
    context["refusal"] = why_not(user=request.user, campaign=found.panel.campaign)
    return render(request, "annotation/panel_done.html", context)
