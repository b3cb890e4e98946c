"""The pages on which a lead has a critic predict a campaign, for leads: stored apart from drafts, never for raters."""

from collections.abc import Callable
from tempfile import TemporaryFile

from django import forms
from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import AuthedRequest, role_required
from accounts.downloads import send_csv
from accounts.models import Role
from annotation.models import Campaign
from modelassist.models import Critic, PredictionSet
from modelassist.reads.prediction_files import write_predictions_csv, write_predictions_parquet
from modelassist.reads.predictions import count_predictions, list_failures, list_sets, read_figures
from modelassist.reads.trust import read_trust
from modelassist.scoring_pages import CriticField, find_first_choice
from modelassist.services import predicting
from modelassist.services.critics import ConsentMissing

ALL, RATED = "all", "rated"
REASONED, DIRECT = "reasoned", "direct"
PARQUET = "application/vnd.apache.parquet"


class PredictForm(forms.Form):
    """Which critic to ask, and about which clips."""

    critic = CriticField(label=gettext_lazy("Critic"), queryset=Critic.objects.all(), empty_label=None)
    clips = forms.ChoiceField(
        label=gettext_lazy("Clips"),
        choices=[(ALL, gettext_lazy("All clips")), (RATED, gettext_lazy("Clips with a blind rating"))],
        help_text=gettext_lazy("Clips of val and test too. Raters never see a prediction."),
    )
    answers = forms.ChoiceField(
        label=gettext_lazy("Answers"),
        required=False,
        choices=[(REASONED, gettext_lazy("Reasons, defects and scores")), (DIRECT, gettext_lazy("Scores only"))],
        help_text=gettext_lazy("A local model gives scores alone several times faster."),
    )


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def predictions(request: AuthedRequest, name: str) -> HttpResponse:
    """List the predictions of a campaign; POST has a critic predict it."""
    campaign = get_object_or_404(Campaign, name=name)
    form = PredictForm(request.POST or None, initial={"critic": find_first_choice()})
    question = None
    if request.method == "POST" and form.is_valid():
        try:
            row = predicting.request_predictions(
                actor=request.user,
                campaign=campaign,
                critic=form.cleaned_data["critic"],
                only_rated=form.cleaned_data["clips"] == RATED,
                is_direct=form.cleaned_data["answers"] == DIRECT,
                consents_to=request.POST.get("consents_to", ""),
            )
            return redirect("prediction-set", name=name, pk=row.pk)
        except predicting.NothingToPredict as refusal:
            form.add_error("clips", str(refusal))
        except predicting.CannotAnswerDirectly as refusal:
            form.add_error("answers", str(refusal))
        except ConsentMissing as missing:
            question = missing
    context = {
        "campaign": campaign,
        "form": form,
        "question": question,
        "has_critics": form.fields["critic"].queryset.exists(),  # type: ignore[attr-defined]  # a ModelChoiceField
        "lines": list_sets(campaign),
    }
    return render(request, "modelassist/predictions.html", context)


@role_required(Role.LEAD)
@require_safe
def prediction_set(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """Show how far the predictions are, and how they agree with blind ratings."""
    row = get_prediction_set(name, pk)
    counted = count_predictions(row)
    context = {
        "campaign": row.campaign,
        "row": row,
        "line": counted,
        "failures": list_failures(row) if counted.failed else [],
        "axes": read_figures(row),
        "trust": read_trust(row.critic),
        "is_engineer": request.user.has_role(Role.ENGINEER),
    }
    return render(request, "modelassist/prediction_set.html", context)


@role_required(Role.LEAD)
@require_safe
def prediction_file(request: AuthedRequest, name: str, pk: int, form: str) -> HttpResponseBase:
    return send_predictions(get_prediction_set(name, pk), form)


def send_predictions(row: PredictionSet, form: str) -> HttpResponseBase:
    """Send the predictions as CSV or Parquet."""
    file_name = f"predictions-{row.pk}.{form}"
    if form == "csv":
        return send_csv(write_predictions_csv(row), file_name)
    if form != "parquet":
        raise Http404(_("Predictions are sent as CSV or Parquet."))
    file = TemporaryFile()  # noqa: SIM115  # the response closes it
    write_predictions_parquet(row, file)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=file_name, content_type=PARQUET)


@role_required(Role.LEAD)
@require_POST
def prediction_act(request: AuthedRequest, name: str, pk: int, act: str) -> HttpResponse:
    """Cancel, resume or delete predictions."""
    row = get_prediction_set(name, pk)
    return ACTS[act](request, row)


def _cancel(request: AuthedRequest, row: PredictionSet) -> HttpResponse:
    if predicting.cancel(actor=request.user, prediction_set=row):
        messages.success(request, _("Predictions cancelled. What was answered is kept."))
    else:
        messages.info(request, _("These predictions had ended already."))
    return redirect("prediction-set", name=row.campaign.name, pk=row.pk)


def _resume(request: AuthedRequest, row: PredictionSet) -> HttpResponse:
    if not predicting.resume(actor=request.user, prediction_set=row):
        messages.info(request, _("These predictions are running already."))
    return redirect("prediction-set", name=row.campaign.name, pk=row.pk)


def _delete(request: AuthedRequest, row: PredictionSet) -> HttpResponse:
    predicting.delete(actor=request.user, prediction_set=row)
    messages.success(request, _("Predictions deleted."))
    return redirect("predictions", name=row.campaign.name)


ACTS: dict[str, Callable[[AuthedRequest, PredictionSet], HttpResponse]] = {
    "cancel": _cancel,
    "resume": _resume,
    "delete": _delete,
}


def get_prediction_set(name: str, pk: int) -> PredictionSet:
    """Return predictions of a campaign; raises Http404."""
    rows = PredictionSet.objects.select_related("campaign", "critic", "job", "created_by")
    return get_object_or_404(rows, campaign__name=name, pk=pk)
