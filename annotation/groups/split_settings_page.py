"""The settings on splits, for engineers: the shares of new groups, and generators that are held out."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.groups.holding_out import MAX_LENGTH, hold_out_generator, let_in_generator
from annotation.intake.split_draw import read_shares
from annotation.intake.split_settings import change_shares
from annotation.models import Clip, HeldOutGenerator
from annotation.models.splits import WHOLE
from annotation.shared.number_fields import limit_number
from qsave.splits import SPLITS

MOST_GENERATORS = 200


class SharesForm(forms.Form):
    """The percentage of new groups that each split gets."""

    train = forms.IntegerField(label=gettext_lazy("Train, %"), **limit_number(1, WHOLE))
    val = forms.IntegerField(label=gettext_lazy("Val, %"), **limit_number(0, WHOLE))
    test = forms.IntegerField(label=gettext_lazy("Test, %"), **limit_number(0, WHOLE))


class HoldOutForm(forms.Form):
    """A generator to hold out, and why."""

    generator = forms.CharField(
        label=gettext_lazy("Generator"),
        max_length=MAX_LENGTH,
        help_text=gettext_lazy("As the manifests write it. Its clips may also come later."),
        widget=forms.TextInput(attrs={"list": "generators", "autocomplete": "off"}),
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=1000)


@role_required(Role.ENGINEER)
@require_http_methods(["GET", "HEAD", "POST"])
def split_settings(request: AuthedRequest) -> HttpResponse:
    """Show the settings, and save the shares."""
    shares = SharesForm(request.POST or None, initial=read_shares())
    if request.method == "POST" and shares.is_valid():
        try:
            change_shares(actor=request.user, shares={split: shares.cleaned_data[split] for split in SPLITS})
        except ValidationError as refusal:
            shares.add_error(None, refusal)
        else:
            messages.success(request, _("Settings saved."))
            return redirect("split-settings")
    return _render(request, shares=shares, hold_out=HoldOutForm(prefix="hold"))


@role_required(Role.ENGINEER)
@require_POST
def hold_out(request: AuthedRequest) -> HttpResponse:
    form = HoldOutForm(request.POST, prefix="hold")
    if form.is_valid():
        try:
            moved = hold_out_generator(actor=request.user, **form.cleaned_data)
        except ValidationError as refusal:
            form.add_error(None, " ".join(refusal.messages))
        else:
            messages.success(
                request,
                ngettext(
                    "Generator held out. %(n)s prompt group moved to test.",
                    "Generator held out. %(n)s prompt groups moved to test.",
                    moved,
                )
                % {"n": moved},
            )
            return redirect("split-settings")
    return _render(request, shares=SharesForm(initial=read_shares()), hold_out=form)


@role_required(Role.ENGINEER)
@require_POST
def let_in(request: AuthedRequest, pk: int) -> HttpResponse:
    try:
        let_in_generator(actor=request.user, key=pk, reason=request.POST.get("reason", ""))
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, _("The generator is no longer held out."))
    return redirect("split-settings")


def _render(request: AuthedRequest, *, shares: SharesForm, hold_out: HoldOutForm) -> HttpResponse:
    generators = Clip.objects.order_by("generator").values_list("generator", flat=True).distinct()
    context: dict[str, Any] = {
        "shares": shares,
        "form": hold_out,
        "held_out": list(HeldOutGenerator.objects.select_related("created_by").order_by("generator")),
        "generators": list(generators[:MOST_GENERATORS]),
    }
    has_errors = bool(shares.errors or hold_out.errors)
    return render(request, "annotation/split_settings.html", context, status=422 if has_errors else 200)
