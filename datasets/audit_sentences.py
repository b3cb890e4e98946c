"""The sentences of the acts on releases in the audit trail."""

from collections.abc import Collection, Mapping

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.audit import finds_campaign
from accounts.audit_trail import Act, Target, reads_targets, register_acts
from datasets.models import Release

register_acts(
    {
        "release.requested": Act(
            _("Release requested"), _("%(actor)s requested the release %(target)s of %(campaign)s.")
        ),
        "release.frozen": Act(
            _("Release frozen"), _("The release %(target)s of %(campaign)s, which %(actor)s requested, is frozen.")
        ),
    }
)


@finds_campaign("datasets.release")
def find_campaign(release: Release) -> str:
    return release.campaign.name


@reads_targets("datasets.release")
def read_releases(keys: Collection[str]) -> Mapping[str, Target]:
    releases = Release.objects.filter(pk__in=keys)
    return {str(one.pk): Target(str(one), reverse("release", args=[one.number])) for one in releases}
