"""Compare a critic with the one that drafts for a campaign now, for the decision whether to promote it."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from annotation.models import Campaign
from modelassist.bridge import list_defects
from modelassist.engine.evaluation.intervals import is_above_zero
from modelassist.models import Activation, Critic
from modelassist.reads.paired import AxisComparison, compare_critics
from modelassist.services.versions import compute_prompt_version, compute_taxonomy_version


@dataclass(frozen=True, slots=True)
class Promotion:
    """How a critic compares with the present one of a campaign."""

    campaign: Campaign
    present: Critic | None
    lines: list[AxisComparison]
    better: list[str]
    """The axes on which the interval of the gain in RMSE lies above 0."""
    warnings: list[str]


def compare_for_promotion(critic: Critic, campaign: Campaign) -> Promotion:
    """Compare on the blind ratings of the campaign: the same clips for both critics."""
    activation = Activation.objects.filter(campaign=campaign).select_related("critic").first()
    present = activation.critic if activation else None
    lines = compare_critics(campaign, critic, present) if present and present != critic else []
    better = [line.axis.value for line in lines if line.gain is not None and is_above_zero(line.gain.rmse)]
    return Promotion(campaign, present, lines, better, list_version_warnings(critic, campaign))


def list_version_warnings(critic: Critic, campaign: Campaign) -> list[str]:
    """Say where a critic was trained on another prompt or on other defects than it would be asked with."""
    warnings = []
    if critic.prompt_version and critic.prompt_version != compute_prompt_version():
        warnings.append(_("This critic was registered with another prompt than the site asks with now."))
    defects = compute_taxonomy_version(list_defects(campaign))
    if critic.taxonomy_version and critic.taxonomy_version != defects:
        warnings.append(_("This critic was trained on other defects than this campaign offers: some drafts may fail."))
    return warnings
