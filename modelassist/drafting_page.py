"""The Drafting page of a campaign, for leads: which critic drafts, its backlog, and what stops it."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.models import Campaign
from modelassist.activation_form import activate_from_form, describe_question
from modelassist.engine.evaluation.detector_scores import LEAST_CLIPS
from modelassist.engine.models.folder import ModelError
from modelassist.forms import AnchoringBoundForm, ChooseCriticForm
from modelassist.models import DRAFTED_STATES, Critic
from modelassist.reads.backlog import read_drafting_page
from modelassist.services import consent, critics, fitting, stops
from modelassist.services.drafting import retry_failed
from qsave.words import isolate


@role_required(Role.LEAD)
@require_safe
def drafting(request: AuthedRequest, name: str) -> HttpResponse:
    return _render_page(request, get_object_or_404(Campaign, name=name))


def _render_page(
    request: AuthedRequest,
    campaign: Campaign,
    *,
    question: ValueError | None = None,
    critic: Critic | None = None,
    bound_form: AnchoringBoundForm | None = None,
) -> HttpResponse:
    """Show the page; a `question` asks the lead to confirm that `critic` may draft."""
    page = read_drafting_page(campaign)
    context = {
        "campaign": campaign,
        "page": page,
        "is_drafted": campaign.state in DRAFTED_STATES,
        **describe_question(request, question),
        "asked_critic": critic,
        "least_rated": LEAST_CLIPS,
        "choice": ChooseCriticForm(initial={"critic": page.activation.critic_id if page.activation else None}),
        "bound_form": bound_form or AnchoringBoundForm(initial={"bound": page.anchoring_bound}),
    }
    return render(request, "modelassist/drafting.html", context)


@role_required(Role.LEAD)
@require_POST
def drafting_activate(request: AuthedRequest, name: str) -> HttpResponse:
    """Let a critic draft for the campaign; a warning or the question for consent is confirmed on the page."""
    campaign = get_object_or_404(Campaign, name=name)
    form = ChooseCriticForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose a critic."))
        return redirect("drafting", name=name)
    critic: Critic = form.cleaned_data["critic"]
    if question := activate_from_form(request, critic, campaign):
        return _render_page(request, campaign, question=question, critic=critic)
    return redirect("drafting", name=name)


@role_required(Role.LEAD)
@require_POST
def drafting_roll_back(request: AuthedRequest, name: str) -> HttpResponse:
    campaign = get_object_or_404(Campaign, name=name)
    try:
        activation = critics.roll_back(actor=request.user, campaign=campaign)
    except critics.ConsentMissing as question:
        return _render_page(request, campaign, question=question, critic=critics.find_previous_critic(campaign))
    except (critics.NothingToRollBackTo, ModelError) as refusal:
        messages.error(request, str(refusal))
    else:
        words = _("%(critic)s drafts for this campaign again.")
        messages.success(request, words % {"critic": isolate(activation.critic)})
    return redirect("drafting", name=name)


@role_required(Role.LEAD)
@require_POST
def drafting_resume(request: AuthedRequest, name: str) -> HttpResponse:
    campaign = get_object_or_404(Campaign, name=name)
    try:
        is_resumed = stops.resume(actor=request.user, campaign=campaign, reason=request.POST.get("reason", ""))
    except stops.ReasonMissing as refusal:
        messages.error(request, str(refusal))
    else:
        _say(request, is_resumed, _("Drafting resumes."), _("No rule had stopped drafting."))
    return redirect("drafting", name=name)


@role_required(Role.LEAD)
@require_POST
def drafting_bound(request: AuthedRequest, name: str) -> HttpResponse:
    campaign = get_object_or_404(Campaign, name=name)
    form = AnchoringBoundForm(request.POST)
    if not form.is_valid():
        return _render_page(request, campaign, bound_form=form)
    stops.set_anchoring_bound(actor=request.user, campaign=campaign, bound=form.cleaned_data["bound"])
    messages.success(request, _("Settings saved."))
    return redirect("drafting", name=name)


@role_required(Role.LEAD)
@require_POST
def drafting_retry_failed(request: AuthedRequest, name: str) -> HttpResponse:
    count = retry_failed(actor=request.user, campaign=get_object_or_404(Campaign, name=name))
    words = ngettext("The critic tries %(count)s clip again.", "The critic tries %(count)s clips again.", count)
    _say(request, bool(count), words % {"count": count}, _("There is no failed draft to try again."))
    return redirect("drafting", name=name)


@role_required(Role.LEAD)
@require_POST
def drafting_fit(request: AuthedRequest, name: str) -> HttpResponse:
    """Fit the detectors to the present ratings of the campaign."""
    fitting.request_fit(actor=request.user, campaign=get_object_or_404(Campaign, name=name))
    messages.success(request, _("The detectors are being fitted to the ratings. The result appears here."))
    return redirect("drafting", name=name)


@role_required(Role.LEAD)
@require_POST
def drafting_consent(request: AuthedRequest, name: str) -> HttpResponse:
    """Agree that clips are sent to the host that the page named."""
    return _change_consent(
        request,
        name,
        lambda campaign, host: bool(consent.give_consent(actor=request.user, campaign=campaign, host=host)),
        _("Clips of this campaign may now be sent to %(host)s."),
    )


@role_required(Role.LEAD)
@require_POST
def drafting_withdraw_consent(request: AuthedRequest, name: str) -> HttpResponse:
    return _change_consent(
        request,
        name,
        lambda campaign, host: consent.withdraw_consent(actor=request.user, campaign=campaign, host=host),
        _("No more clips of this campaign are sent to %(host)s."),
    )


def _change_consent(
    request: AuthedRequest, name: str, change: Callable[[Campaign, str], bool], words: str
) -> HttpResponse:
    host = request.POST.get("host", "").strip()
    if not host or len(host) > consent.MAX_HOST_LENGTH:
        raise BadRequest(_("The form names no host."))
    is_changed = change(get_object_or_404(Campaign, name=name), host)
    _say(request, is_changed, words % {"host": isolate(host)}, _("There was no consent for this host."))
    return redirect("drafting", name=name)


def _say(request: AuthedRequest, is_done: bool, done: str, otherwise: str) -> None:
    messages.success(request, done) if is_done else messages.info(request, otherwise)
