"""The pages on which somebody has a critic score a clip, outside all campaigns."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.rating.clip_media import open_media, serve
from modelassist.models import Critic, Scoring
from modelassist.reads.scorings import list_scorings, read_page
from modelassist.services import scoring as services
from modelassist.services.consent import find_host
from modelassist.services.critics import ConsentMissing
from qsave.words import isolate


class CriticField(forms.ModelChoiceField):  # type: ignore[type-arg]  # the class takes no argument while it runs
    """A choice of critics, each with its kind, the host to which it sends clips, and whether it learned from a toy."""

    def label_from_instance(self, obj: Any) -> str:
        words = [obj.get_kind_display()]
        if host := find_host(obj):
            words.append(_("sends the clip to %(host)s") % {"host": isolate(host)})
        if obj.learned_from_simulated:
            words.append(_("learned from simulated data"))
        return f"{isolate(obj)} ({', '.join(words)})"


class ScoreForm(forms.Form):
    """A clip, its prompt, and the critic to ask."""

    video = forms.FileField(
        label=gettext_lazy("Video"),
        allow_empty_file=True,  # the worker's refusal of an empty file says what it is
        widget=forms.FileInput(attrs={"accept": "video/*,image/gif,.mkv,.avi", "class": "file-drop"}),
        help_text=gettext_lazy("Choose a file or drop it here: MP4, MOV, WebM, MKV, AVI or GIF."),
    )
    prompt = forms.CharField(
        label=gettext_lazy("Prompt"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("What the video was to show. Alignment is judged by it."),
    )
    critic = CriticField(label=gettext_lazy("Critic"), queryset=Critic.objects.all(), empty_label=None)


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def score(request: AuthedRequest) -> HttpResponse:
    """Ask for a clip and its prompt, and list the clips that this person sent; POST sends one to a critic."""
    critic = request.GET.get("critic", "")
    form = ScoreForm(
        request.POST or None, request.FILES or None, initial={"critic": critic} if critic.isdigit() else {}
    )
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            sent = services.request_scoring(
                actor=request.user,
                critic=values["critic"],
                prompt=values["prompt"],
                upload=values["video"],
                key=request.POST.get("key", ""),
                asks_later=True,
            )
            return redirect("scoring", pk=sent.pk)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        except services.KeyReused:
            form.add_error(None, _("This form was sent before with another clip. Load the page again, then send it."))
    context = {
        "form": form,
        "has_critics": form.fields["critic"].queryset.exists(),  # type: ignore[attr-defined]  # a ModelChoiceField
        "scorings": list_scorings(request.user),
        "days": services.get_lifetime().days,
        "key": request.POST.get("key") or Scoring().pk.hex,
    }
    return render(request, "modelassist/score.html", context)


@role_required(Role.LEAD)
@require_safe
def scoring(request: AuthedRequest, pk: UUID) -> HttpResponse:
    """Show a clip that was sent, and what the critic answered."""
    one = _get_scoring(pk)
    context = {
        **read_page(one),
        "host": find_host(one.critic) if one.state == "asked" else "",
        "is_engineer": request.user.has_role(Role.ENGINEER),
    }
    return render(request, "modelassist/scoring.html", context)


@role_required(Role.LEAD)
@require_safe
def scoring_video(request: AuthedRequest, pk: UUID) -> HttpResponseBase:
    """Send the file that plays. Answer 404 until a worker has read the upload."""
    one = _get_scoring(pk)
    if not one.facts:
        raise Http404(_("This clip is being read. Try again in a moment."))
    media = open_media(one.facts["rendition"] or services.ORIGINAL, services.get_folder(one))
    return serve(request, media, filename=one.pk.hex)


@role_required(Role.LEAD)
@require_POST
def scoring_agree(request: AuthedRequest, pk: UUID) -> HttpResponse:
    try:
        services.agree(actor=request.user, scoring=_get_scoring(pk), host=request.POST.get("host", ""))
    except ConsentMissing as question:
        messages.error(request, str(question))
    return redirect("scoring", pk=pk)


@role_required(Role.LEAD)
@require_POST
def scoring_retry(request: AuthedRequest, pk: UUID) -> HttpResponse:
    try:
        services.retry(actor=request.user, scoring=_get_scoring(pk))
    except services.NotFailed as refusal:
        messages.info(request, str(refusal))
    return redirect("scoring", pk=pk)


@role_required(Role.LEAD)
@require_POST
def scoring_delete(request: AuthedRequest, pk: UUID) -> HttpResponse:
    services.delete(actor=request.user, scoring=_get_scoring(pk))
    messages.success(request, _("Clip and answer deleted."))
    return redirect("score")


def find_first_choice() -> Critic | None:
    """Return the newest critic that sends no clip anywhere."""
    return Critic.objects.exclude(kind=Critic.Kind.ENDPOINT).order_by("-created_at").first()


def _get_scoring(pk: UUID) -> Scoring:
    return get_object_or_404(Scoring.objects.select_related("critic", "job", "created_by"), pk=pk)
