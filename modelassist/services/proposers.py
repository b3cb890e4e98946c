"""Choose what answers for a critic: the one place that knows the module of each kind.

The modules are imported when they are first needed, so that the web process loads none of their libraries.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _

from annotation.models import Campaign
from modelassist.bridge import resolve_critic
from modelassist.kinds.base import CriticUnavailable, Proposer
from modelassist.kinds.endpoint.settings import EndpointSettings, SettingsError
from modelassist.models import Critic, DetectorFit
from modelassist.services.consent import require_consent
from modelassist.services.usage import CountedEndpoint
from qsave.detectors.thresholds import THRESHOLDS_VERSION
from qsave.words import isolate

THRESHOLDS = "thresholds"
"""The setting of detectors with scores that says which thresholds they propose by; the version of the others does."""

if TYPE_CHECKING:
    from modelassist.engine.evaluation.detector_scores import DetectorScores


def _ignore() -> None:
    return None


def make_proposer(critic: Critic, *, campaign: Campaign, on_wait: Callable[[], None] = _ignore) -> Proposer:
    """Return the proposer of a critic, for the clips of a campaign.

    `on_wait` is called twice a second while a process of this machine works; it may raise. Raises CriticUnavailable for
    an endpoint to which no lead lets these clips be sent, and for a kind that this version of the site does not have.
    """
    require_consent(critic, campaign)
    return choose_proposer(critic, on_wait)


def choose_proposer(critic: Critic, on_wait: Callable[[], None] = _ignore) -> Proposer:
    """Return the proposer of a critic, without asking for consent: the caller has it, or checks it for each clip.

    Raises CriticUnavailable for a kind that this version of the site does not have.
    """
    match critic.kind:
        case Critic.Kind.ENGINE | Critic.Kind.STARTER:
            from modelassist.kinds.engine import EngineProposer

            return EngineProposer(resolve_critic(critic), settings.MODEL_IDLE_SECONDS, on_wait)
        case Critic.Kind.DETECTORS:
            from modelassist.kinds.clips import IsolatedDetectors

            _require_present_thresholds(critic)
            return IsolatedDetectors(on_wait, _read_scores(critic))
        case Critic.Kind.ENDPOINT:
            from modelassist.kinds.endpoint.proposer import get_endpoint

            endpoint = get_endpoint(_read_endpoint(critic), frozenset(settings.CRITIC_HOSTS))
            return CountedEndpoint(critic, endpoint)
    raise CriticUnavailable(
        _("This version of the site has no critics of the kind %(kind)s.") % {"kind": isolate(critic.kind)}
    )


def name_served_model(critic: Critic) -> None:
    """Let the settings of an endpoint name its model, if they do not, by the only one that its server lists.

    Raises CriticUnavailable.
    """
    if critic.kind == Critic.Kind.ENDPOINT and not critic.settings.get("model"):
        from modelassist.kinds.endpoint.proposer import get_endpoint

        endpoint = get_endpoint(_read_endpoint(critic), frozenset(settings.CRITIC_HOSTS))
        critic.settings = critic.settings | {"model": endpoint.find_only_model()}


def _require_present_thresholds(critic: Critic) -> None:
    if critic.settings.get(THRESHOLDS, critic.version) != THRESHOLDS_VERSION:
        raise CriticUnavailable(
            _(
                "The thresholds of %(critic)s are not those of this version of the site. Activate version %(version)d "
                "on the Drafting page."
            )
            % {"critic": isolate(critic), "version": THRESHOLDS_VERSION}
            if THRESHOLDS not in critic.settings
            else _(
                "The thresholds of %(critic)s are not those of this version of the site. Fit scores to the ratings "
                "again on the Drafting page, and activate the new version."
            )
            % {"critic": isolate(critic)}
        )


def _read_scores(critic: Critic) -> "DetectorScores | None":
    """Return the regressions of a critic that was fitted to ratings; None for the built-in detectors."""
    from modelassist.engine.evaluation.detector_scores import ScoresError, scores_from_json

    fit = DetectorFit.objects.filter(critic=critic).first()
    try:
        return None if fit is None else scores_from_json(fit.scores)
    except ScoresError as error:
        raise CriticUnavailable(str(error)) from None


def _read_endpoint(critic: Critic) -> EndpointSettings:
    try:
        return EndpointSettings.from_json(critic.settings)
    except SettingsError as error:
        raise CriticUnavailable(str(error)) from None
