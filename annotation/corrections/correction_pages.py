"""The lead's pages that correct, withdraw and restore a clip."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.corrections.correct import correct_clip
from annotation.corrections.forms import CorrectionForm, DetailsForm, FileForm, PromptForm, WithdrawalForm
from annotation.corrections.held_out import explain_hold_out
from annotation.corrections.uploads import find_replacement, request_replacement
from annotation.corrections.withdrawal import restore_clip, withdraw_clips
from annotation.models import Item, Offer, Slot
from annotation.shared.clip_holders import list_holders

FORMS: dict[str, type[CorrectionForm]] = {"details": DetailsForm, "prompt": PromptForm, "file": FileForm}


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """Show the values of a clip as forms; POST saves the one that `act` names."""
    item = _find_item(name, pk)
    act = request.POST.get("act", "")
    if request.method == "POST" and act not in FORMS:
        raise Http404(_("There is no such correction."))
    forms = {kind: form(clip=item.clip) for kind, form in FORMS.items()}
    if request.method == "POST":
        forms[act] = FORMS[act](request.POST, request.FILES, clip=item.clip)
        response = _save(request, item, act, forms[act])
        if response is not None:
            return response
    is_taken = item.clip.items.filter(offers__isnull=False).exists()
    context = {
        "campaign": item.campaign,
        "item": item,
        "forms": forms,
        "is_taken": is_taken,
        "rated": Slot.objects.filter(item__clip=item.clip, kind=Slot.Kind.SEAT, state=Slot.State.DONE).count(),
        "campaigns": item.clip.items.count(),
        "replacement": find_replacement(item.clip),
        "back": _locate(request, item),
    }
    return render(request, "annotation/clip_correct.html", context)


def _save(request: AuthedRequest, item: Item, act: str, form: CorrectionForm) -> HttpResponse | None:
    """Save a correction and return to the clip, or to its successor; None if the form has to say what is wrong."""
    if not form.is_valid():
        return None
    values, reason = form.read_values(), form.cleaned_data["reason"]
    try:
        if act == "file":
            request_replacement(actor=request.user, clip=item.clip, upload=values["video"], reason=reason)
            messages.success(request, _("File received. It replaces the present one as soon as it is prepared."))
            return redirect(_locate(request, item))
        clip = correct_clip(actor=request.user, clip=item.clip, values=values, reason=reason)
    except ValidationError as refusal:
        form.add_refusal(refusal)
        return None
    if clip.pk == item.clip_id:
        held_out = explain_hold_out(clip) if clip.generator != item.clip.generator else ""
        messages.add_message(
            request, messages.WARNING if held_out else messages.SUCCESS, f"{_('Clip corrected.')} {held_out}".strip()
        )
        return redirect(_locate(request, item))
    messages.success(request, _("This clip has the corrected prompt. The earlier one is withdrawn."))
    successor = Item.objects.filter(clip=clip, campaign=item.campaign).first()
    return redirect(_locate(request, successor or item))


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """Say what a withdrawal changes and which frozen releases hold the clip; POST withdraws it."""
    item = _find_item(name, pk)
    form = WithdrawalForm(request.POST if request.method == "POST" else None, clip=item.clip)
    if request.method == "POST" and form.is_valid():
        try:
            withdraw_clips(actor=request.user, clips=[item.clip], reason=form.cleaned_data["reason"])
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("Clip withdrawn. You can restore it on this page."))
            return redirect(_locate(request, item))
    context = {
        "campaign": item.campaign,
        "item": item,
        "form": form,
        "items": item.clip.items.select_related("campaign").order_by("campaign__title"),
        "holders": list_holders([item.clip]),
        "raters": Offer.objects.filter(item__clip=item.clip).values("rater").distinct().count(),
        "back": _locate(request, item),
    }
    return render(request, "annotation/clip_withdraw.html", context)


@role_required(Role.LEAD)
@require_POST
def restore(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """Restore a withdrawn clip, with a reason."""
    item = _find_item(name, pk)
    try:
        restore_clip(actor=request.user, clip=item.clip, reason=request.POST.get("reason", ""))
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, _("Clip restored. It is in its campaigns again."))
    return redirect(_locate(request, item))


def _find_item(name: str, pk: int) -> Item:
    items = Item.objects.select_related("campaign", "clip__prompt_group", "clip__withdrawn_by")
    return get_object_or_404(items, campaign__name=name, pk=pk)


def _locate(request: AuthedRequest, item: Item) -> str:
    """Return the address of the page of a clip, with the filters of the list that the lead came from."""
    page, filters = reverse("campaign-item", args=(item.campaign.name, item.pk)), request.GET.urlencode()
    return f"{page}?{filters}" if filters else page
