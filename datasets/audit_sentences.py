"""The sentences of the acts on releases in the audit trail."""

from collections.abc import Collection, Mapping

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.audit import register_campaign_finder
from accounts.audit_trail import Act, Target, register_acts, register_target_reader
from datasets.models import Release

register_acts(
    {
        "release.requested": Act(
            _("Release requested"), _("%(actor)s requested the release %(target)s of %(campaign)s.")
        ),
        "release.frozen": Act(
            _("Release frozen"), _("The release %(target)s of %(campaign)s, which %(actor)s requested, is frozen.")
        ),
        "release.withdrawn": Act(
            _("Release withdrawn"), _("%(actor)s withdrew the release %(target)s of %(campaign)s: %(reason)s")
        ),
    }
)


@register_campaign_finder("datasets.release")
def find_campaign(release: Release) -> str:
    return release.campaign.name


@register_target_reader("datasets.release")
def read_releases(keys: Collection[str]) -> Mapping[str, Target]:
    releases = Release.objects.filter(pk__in=keys)
    return {str(one.pk): Target(str(one), reverse("release", args=[one.number])) for one in releases}
