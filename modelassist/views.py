"""The engineer's pages: training runs and critics."""

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.models import Campaign
from modelassist.activation_form import activate_from_form, describe_question
from modelassist.bridge import resolve_critic, run_folder
from modelassist.engine.models.folder import ModelError
from modelassist.forms import ActivateForm, StartRunForm
from modelassist.models import Critic, Run
from modelassist.reads.critics import list_critics, read_critic_line, read_drafting_status
from modelassist.reads.evaluation import arrange_splits
from modelassist.reads.plots import STAGE_NAMES, plot_curves, plot_evaluation
from modelassist.reads.promotion import compare_for_promotion
from modelassist.reads.runs import list_run_files, list_runs, read_run_page
from modelassist.reads.usage import read_usage
from modelassist.services import adding
from modelassist.services import critics as critic_services
from modelassist.services.runs import CannotTrain, cancel_run, resume_run, start_run
from operations.models import Job
from qsave.axes import AXES
from qsave.run.evaluation import Evaluation
from qsave.words import isolate


@role_required(Role.ENGINEER)
@require_safe
def runs(request: AuthedRequest) -> HttpResponse:
    return _render_runs_page(request, StartRunForm())


def _render_runs_page(request: AuthedRequest, form: StartRunForm) -> HttpResponse:
    release = form.fields["release"]
    can_start = release.queryset.exists()  # type: ignore[attr-defined]  # a ModelChoiceField
    return render(request, "modelassist/runs.html", {"lines": list_runs(), "form": form, "can_start": can_start})


@role_required(Role.ENGINEER)
@require_POST
def run_start(request: AuthedRequest) -> HttpResponse:
    form = StartRunForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            run = start_run(
                actor=request.user,
                release=data["release"],
                base_model=resolve_critic(data["critic"]) if data["critic"] else data["base_model"],
                settings=data["settings"],
                recipe=data["recipe"],
                name=data["name"],
            )
        except (CannotTrain, ModelError) as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("run", pk=run.pk)
    return _render_runs_page(request, form)


@role_required(Role.ENGINEER)
@require_safe
def run(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show one run: its progress, its curves, its evaluation."""
    training_run = get_object_or_404(Run.objects.select_related("release", "job", "created_by"), pk=pk)
    page = read_run_page(training_run)
    evaluation = Evaluation.from_json(training_run.evaluation)
    context = {
        "page": page,
        "run": training_run,
        "curves": [
            (STAGE_NAMES.get(stage, stage), plot_curves(stage, figures)) for stage, figures in page.curves.items()
        ],
        "splits": arrange_splits(evaluation),
        "plots": plot_evaluation(evaluation, page.folder),
    }
    return render(request, "modelassist/run.html", context)


@role_required(Role.ENGINEER)
@require_POST
def run_cancel(request: AuthedRequest, pk: int) -> HttpResponse:
    training_run = get_object_or_404(Run.objects.select_related("job"), pk=pk)
    if cancel_run(actor=request.user, run=training_run):
        messages.success(request, _("Run %(run)s is cancelled. Its checkpoints are kept.") % {"run": pk})
    else:
        messages.error(request, _("Run %(run)s had ended already.") % {"run": pk})
    return redirect("run", pk=pk)


@role_required(Role.ENGINEER)
@require_POST
def run_resume(request: AuthedRequest, pk: int) -> HttpResponse:
    training_run = get_object_or_404(Run, pk=pk)
    try:
        resume_run(actor=request.user, run=training_run)
    except CannotTrain as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Run %(run)s resumes from its last checkpoint.") % {"run": pk})
    return redirect("run", pk=pk)


@role_required(Role.ENGINEER)
@require_safe
def run_file(request: AuthedRequest, pk: int, name: str) -> FileResponse:
    """Send a file of a run: a picture is shown, any other file is downloaded."""
    training_run = get_object_or_404(Run, pk=pk)
    if name not in list_run_files(training_run):
        raise Http404
    path = run_folder(training_run) / name
    return FileResponse(path.open("rb"), as_attachment=path.suffix != ".png", filename=f"run-{pk}-{path.name}")


@role_required(Role.ENGINEER)
@require_safe
def critics(request: AuthedRequest) -> HttpResponse:
    """List all critics, and which one drafts where."""
    campaigns = Campaign.objects.filter(activation__isnull=False).order_by("title")
    context = {
        "lines": list_critics(),
        "drafting": [(campaign, read_drafting_status(campaign)) for campaign in campaigns],
        "axes": AXES,
        "adding": Job.objects.filter(kind=adding.KIND).order_by("-created_at").first(),
    }
    return render(request, "modelassist/critics.html", context)


@role_required(Role.ENGINEER)
@require_safe
def critic(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show one critic: its card, its figures, where it drafts, and the form to compare and activate it.

    `?campaign=PK` compares it with the present critic of that campaign.
    """
    return _render_critic_page(request, pk)


def _render_critic_page(
    request: AuthedRequest, pk: int, question: ValueError | None = None, campaign: Campaign | None = None
) -> HttpResponse:
    """Show a critic; a `question` asks the engineer to confirm a warning before the critic drafts for the campaign."""
    critic_version = get_object_or_404(Critic.objects.select_related("run__release", "parent", "created_by"), pk=pk)
    is_comparing = request.method != "POST" and "campaign" in request.GET
    form = ActivateForm(request.GET if is_comparing else None)
    chosen = form.cleaned_data["campaign"] if is_comparing and form.is_valid() else None
    evaluation = Evaluation.from_json(critic_version.evaluation)
    context = {
        "critic": critic_version,
        "line": read_critic_line(critic_version),
        "usage": read_usage(critic_version),
        "splits": arrange_splits(evaluation),
        "plots": plot_evaluation(evaluation, run_folder(critic_version.run) if critic_version.run else None),
        "pauses": critic_version.activations.exclude(retry_at=None).select_related("campaign", "critic"),
        "comparison": compare_for_promotion(critic_version, chosen) if chosen else None,
        **describe_question(request, question),
        "asked_for": campaign,
        "form": form,
        "can_activate": form.fields["campaign"].queryset.exists(),  # type: ignore[attr-defined]  # a ModelChoiceField
    }
    return render(request, "modelassist/critic.html", context)


@role_required(Role.ENGINEER)
@require_POST
def critic_activate(request: AuthedRequest, pk: int) -> HttpResponse:
    critic_version = get_object_or_404(Critic, pk=pk)
    form = ActivateForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose a campaign for the critic to draft in."))
        return redirect("critic", pk=pk)
    campaign: Campaign = form.cleaned_data["campaign"]
    if question := activate_from_form(request, critic_version, campaign):
        return _render_critic_page(request, pk, question, campaign)
    return redirect("critic", pk=pk)


@role_required(Role.LEAD)
@require_POST
def drafting_stop(request: AuthedRequest, name: str) -> HttpResponse:
    campaign = get_object_or_404(Campaign, name=name)
    critic_services.deactivate(actor=request.user, campaign=campaign)
    messages.success(
        request,
        _("Drafting for %(campaign)s is stopped. Raters see drafts only where they have seen them.")
        % {"campaign": isolate(campaign)},
    )
    return redirect("drafting", name=name)


@role_required(Role.LEAD)
@require_POST
def drafting_retry(request: AuthedRequest, name: str) -> HttpResponse:
    campaign = get_object_or_404(Campaign, name=name)
    if critic_services.retry_now(actor=request.user, campaign=campaign):
        messages.success(
            request, _("The site now tries the critic of %(campaign)s again.") % {"campaign": isolate(campaign)}
        )
    else:
        messages.info(request, _("Drafting for %(campaign)s is not paused.") % {"campaign": isolate(campaign)})
    return redirect("drafting", name=name)
