"""The sentences of the acts on critics, drafting and training runs in the audit trail."""

from collections.abc import Collection, Mapping

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.audit import register_campaign_finder
from accounts.audit_trail import Act, Target, register_acts, register_target_reader
from modelassist.models import Critic, Run, Scoring

register_acts(
    {
        "critic.registered": Act(_("Critic added"), _("%(actor)s added the critic %(target)s.")),
        "critic.activated": Act(_("Critic activated"), _("%(actor)s activated the critic %(critic)s for %(target)s.")),
        "critic.deactivated": Act(_("Critic deactivated"), _("%(actor)s stopped drafting for %(target)s.")),
        "drafting.paused": Act(
            _("Drafting paused"), _("%(actor)s paused drafting by %(critic)s for %(target)s: %(reason)s")
        ),
        "drafting.resumed": Act(_("Drafting resumed"), _("%(actor)s resumed drafting by %(critic)s for %(target)s.")),
        "drafting.retried": Act(
            _("Drafting tried again"), _("%(actor)s let drafting for %(target)s try again at once.")
        ),
        "drafting.stopped": Act(
            _("Drafting stopped by a rule"), _("%(actor)s stopped drafting by %(critic)s for %(target)s: %(reason)s")
        ),
        "drafting.stop_overruled": Act(
            _("Stop rule overruled"), _("%(actor)s resumed drafting for %(target)s against a stop rule: %(reason)s")
        ),
        "drafting.bound_set": Act(
            _("Bound of anchoring set"),
            _("%(actor)s set the bound of anchoring for %(target)s from %(before)s to %(after)s levels."),
        ),
        "drafting.failures_retried": Act(
            _("Failed drafts tried again"),
            _("%(actor)s let the critic of %(target)s try %(count)s clips again on which it failed."),
        ),
        "drafting.consent_given": Act(
            _("Consent given"), _("%(actor)s agreed that the clips of %(target)s are sent to %(host)s.")
        ),
        "drafting.consent_withdrawn": Act(
            _("Consent withdrawn"), _("%(actor)s no longer agrees that the clips of %(target)s are sent to %(host)s.")
        ),
        "detectors.fit_requested": Act(
            _("Scores fitted to ratings"), _("%(actor)s had the detectors fitted to the ratings of %(target)s.")
        ),
        "critic.rolled_back": Act(
            _("Critic rolled back"), _("%(actor)s rolled %(target)s back to the critic %(critic)s.")
        ),
        "predictions.requested": Act(
            _("Predictions requested"),
            _("%(actor)s had %(critic)s predict %(count)s clips of %(target)s."),
        ),
        "predictions.cancelled": Act(
            _("Predictions cancelled"), _("%(actor)s cancelled the predictions of %(critic)s for %(target)s.")
        ),
        "predictions.resumed": Act(
            _("Predictions resumed"), _("%(actor)s resumed the predictions of %(critic)s for %(target)s.")
        ),
        "predictions.deleted": Act(
            _("Predictions deleted"), _("%(actor)s deleted the predictions of %(critic)s for %(target)s.")
        ),
        "scoring.requested": Act(_("Clip sent to be scored"), _("%(actor)s sent a clip to be scored by %(critic)s.")),
        "scoring.consent_given": Act(
            _("Clip sent to a host"), _("%(actor)s agreed that a clip to be scored is sent to %(host)s.")
        ),
        "scoring.deleted": Act(_("Scored clip deleted"), _("%(actor)s deleted a clip that %(critic)s was to score.")),
        "run.started": Act(
            _("Training started"), _("%(actor)s started training %(target)s from %(model)s on release %(release)s.")
        ),
        "run.cancelled": Act(_("Training cancelled"), _("%(actor)s cancelled training %(target)s.")),
        "run.resumed": Act(_("Training resumed"), _("%(actor)s resumed training %(target)s.")),
    }
)


@register_campaign_finder("modelassist.run")
def find_campaign(run: Run) -> str:
    return run.release.campaign.name


@register_target_reader("modelassist.run")
def read_runs(keys: Collection[str]) -> Mapping[str, Target]:
    runs = Run.objects.filter(pk__in=keys).values_list("pk", flat=True)
    return {str(pk): Target(f"run {pk}", reverse("run", args=[pk])) for pk in runs}


@register_target_reader("modelassist.critic")
def read_critics(keys: Collection[str]) -> Mapping[str, Target]:
    return {
        str(one.pk): Target(str(one), reverse("critic", args=[one.pk])) for one in Critic.objects.filter(pk__in=keys)
    }


@register_target_reader("modelassist.scoring")
def read_scorings(keys: Collection[str]) -> Mapping[str, Target]:
    return {
        str(one.pk): Target(one.file_name or str(_("a clip")), reverse("scoring", args=[one.pk]))
        for one in Scoring.objects.filter(pk__in=keys)
    }
