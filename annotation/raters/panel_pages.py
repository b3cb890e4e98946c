"""Outside panels: the lead's page of them, and the public pages where guests begin and finish."""

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
from accounts.addresses import find_client_address
from accounts.models import Role, User
from annotation.models import Campaign, Panel, PanelParticipant
from annotation.raters import panels as service
from annotation.raters.admission import explain_refusal
from annotation.shared.number_fields import limit_number
from qsave.words import isolate

ID_NAMES = ("participant", "PROLIFIC_PID", "workerId", "participantId")
"""The query parameters in which panels send a participant's number."""
PAGE_SIZE = 100
BEGIN_LIMITS = throttle.Limits("panel", by_name_and_address=120, by_name=1200, by_address=240)
"""How often guests may begin: enough for a class behind one address, too few to guess other people's numbers."""


class PanelForm(forms.Form):
    """A new panel."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    quota = forms.IntegerField(
        label=gettext_lazy("Ratings per participant"),
        initial=20,
        help_text=gettext_lazy("After this many ratings a participant is done and gets the completion code."),
        **limit_number(1, 10_000),
    )
    completion_code = forms.CharField(
        label=gettext_lazy("Completion code"),
        max_length=80,
        help_text=gettext_lazy("Participants enter it to be paid. If the panel gives you a code, use that one."),
    )
    return_url = forms.URLField(
        label=gettext_lazy("Return address"),
        required=False,
        assume_scheme="https",
        help_text=gettext_lazy("Participants return to this https address when they are done."),
        error_messages={"invalid": gettext_lazy("Enter an address that begins with https://.")},
    )


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def panels(request: AuthedRequest, name: str) -> HttpResponse:
    """List a campaign's panels with their participants; POST creates a panel and shows its link once."""
    campaign = get_object_or_404(Campaign, name=name)
    form = PanelForm(request.POST or None, initial={"completion_code": service.make_completion_code()})
    if request.method == "POST" and form.is_valid():
        panel_and_secret = _create(request, campaign, form)
        if panel_and_secret is not None:
            return _show_link(request, *panel_and_secret)
    context = {"campaign": campaign, "form": form, "panels": [_describe(panel) for panel in _list_panels(campaign)]}
    return render(request, "annotation/panels.html", context, status=422 if form.errors else 200)


def _create(request: AuthedRequest, campaign: Campaign, form: PanelForm) -> tuple[Panel, str] | None:
    try:
        return service.make_panel(actor=request.user, campaign=campaign, **form.cleaned_data)
    except ValidationError as refusal:
        form.add_error(None, refusal)
        return None


def _show_link(request: HttpRequest, panel: Panel, secret: str) -> HttpResponse:
    link = request.build_absolute_uri(reverse("panel-begin", args=[secret]))
    return render(request, "annotation/panel_link.html", {"panel": panel, "campaign": panel.campaign, "link": link})


def _list_panels(campaign: Campaign) -> list[Panel]:
    return list(Panel.objects.filter(campaign=campaign).select_related("created_by").order_by("-pk"))


def _describe(panel: Panel) -> dict[str, Any]:
    participants = list(panel.participants.select_related("user").order_by("-pk")[: PAGE_SIZE + 1])
    rated = service.count_rated_by_user(panel, [participant.user_id for participant in participants])
    rows = [(participant, rated.get(participant.user_id, 0)) for participant in participants[:PAGE_SIZE]]
    done = panel.participants.filter(completed_at__isnull=False).count()
    return {
        "panel": panel,
        "rows": rows,
        "more": len(participants) > PAGE_SIZE,
        "all": panel.participants.count(),
        "done": done,
        "has_lead": panel.created_by.may_give(Role.ANNOTATOR),
    }


@role_required(Role.LEAD)
@require_POST
@never_cache
def panel_new_link(request: AuthedRequest, pk: int) -> HttpResponse:
    panel = get_object_or_404(Panel.objects.select_related("campaign"), pk=pk)
    return _show_link(request, panel, service.renew_link(actor=request.user, panel=panel))


@role_required(Role.LEAD)
@require_POST
def panel_close(request: AuthedRequest, pk: int) -> HttpResponse:
    panel = get_object_or_404(Panel.objects.select_related("campaign"), pk=pk)
    service.close_panel(actor=request.user, panel=panel)
    messages.success(request, _("Panel closed. Its guests are signed out; their ratings stay."))
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
        messages.success(request, _("You now look after the panel %(panel)s.") % {"panel": isolate(panel)})
    return redirect("panels", name=panel.campaign.name)


@public(reason="participants of a panel have no account yet; the link holds a secret")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def panel_begin(request: HttpRequest, secret: str) -> HttpResponseBase:
    """Show what the participant will do, with a button to begin. Nothing changes on GET."""
    panel = service.find_open_panel(secret)
    if panel is None:
        return render(request, "annotation/panel_closed.html", status=410)
    external_id = _read_external_id(request)
    problem, status = "", 200
    if request.method == "POST":
        problem, status = _begin(request, panel, external_id)
        if not problem:
            return redirect("rate", name=panel.campaign.name)
    member = request.user if isinstance(request.user, User) and not request.user.is_guest else None
    context = {"panel": panel, "campaign": panel.campaign, "external_id": external_id, "problem": problem}
    return render(request, "annotation/panel_begin.html", context | {"member": member}, status=status)


def _read_external_id(request: HttpRequest) -> str:
    sent = request.POST if request.method == "POST" else request.GET
    return next((sent[name].strip() for name in ID_NAMES if sent.get(name, "").strip()), "")


def _begin(request: HttpRequest, panel: Panel, external_id: str) -> tuple[str, int]:
    """Sign the participant in for this browser session; return ("", 200), or what prevents it and its status."""
    if not throttle.admit(str(panel.pk), find_client_address(request), BEGIN_LIMITS):
        return _("Too many people on this network have just started. Try again in 15 minutes."), 429
    try:
        user = service.begin_participation(panel=panel, external_id=external_id).user
    except service.PanelRefused as refusal:
        return str(refusal), 422
    if not user.is_active:
        return _("This participant is blocked. Ask the panel that sent you."), 403
    login(request, user)
    request.session.set_expiry(0)
    return "", 200


@signed_in
@never_cache
@require_safe
def panel_done(request: AuthedRequest) -> HttpResponse:
    """Show the completion code when a participant's part is done; before that, how much is left."""
    participant = PanelParticipant.objects.select_related("panel__campaign").filter(user=request.user).first()
    if participant is None:
        raise Http404(_("You are not a participant of a panel."))
    context = {
        "participant": participant,
        "panel": participant.panel,
        "rated": service.count_rated(participant),
    }
    context["refusal"] = explain_refusal(user=request.user, campaign=participant.panel.campaign)
    return render(request, "annotation/panel_done.html", context)
