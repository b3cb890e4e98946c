"""Answer a form that has a critic draft for a campaign, for both pages that have one."""

from typing import Any

from django.contrib import messages
from django.utils.translation import gettext as _

from accounts.access import AuthedRequest
from annotation.models import Campaign
from modelassist.engine.models.folder import ModelError
from modelassist.models import Critic
from modelassist.services import critics
from qsave.words import isolate


def activate_from_form(request: AuthedRequest, critic: Critic, campaign: Campaign) -> ValueError | None:
    """Have a critic draft for a campaign, and say so; return the question that the person must answer first, if any."""
    try:
        critics.activate(
            actor=request.user,
            critic=critic,
            campaign=campaign,
            accepts_simulated=request.POST.get("accepts_simulated") == "yes",
            consents_to=request.POST.get("consents_to", ""),
        )
    except (critics.LearnedFromSimulated, critics.ConsentMissing) as question:
        return question
    except ModelError as refusal:
        messages.error(request, str(refusal))
    else:
        words = _("%(critic)s now drafts for %(campaign)s.")
        messages.success(request, words % {"critic": isolate(critic), "campaign": isolate(campaign)})
    return None


def describe_question(request: AuthedRequest, question: ValueError | None) -> dict[str, Any]:
    """Return what a page shows of a question before a critic drafts, and what was confirmed already."""
    return {
        "question": str(question) if question else "",
        "question_host": question.host if isinstance(question, critics.ConsentMissing) else "",
        "accepts_simulated": isinstance(question, critics.LearnedFromSimulated)
        or request.POST.get("accepts_simulated"),
    }
