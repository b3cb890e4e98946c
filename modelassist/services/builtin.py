"""The built-in critic: detectors, which need no model. They draft for new campaigns of real clips.

The version is that of the detectors' thresholds, so drafts say which thresholds wrote them.
"""

from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.db.migrations.executor import MigrationExecutor

from accounts.models import User
from annotation.models import Campaign
from modelassist.models import Critic
from modelassist.services.critics import set_active
from qsave.detectors.thresholds import THRESHOLDS_VERSION

NAME = "detectors"
LICENCE = "Apache-2.0"


def register_detectors() -> Critic:
    """Return the critic of the present thresholds; store it if the site does not have it yet."""
    critic, _created = Critic.objects.get_or_create(
        name=NAME,
        version=THRESHOLDS_VERSION,
        defaults={
            "kind": Critic.Kind.DETECTORS,
            "origin": Critic.Origin.BUILT_IN,
            "licence": LICENCE,
            "card": CARD,
        },
    )
    return critic


def register_after_migrate(*, using: str, **_options: object) -> None:
    """Store the built-in critic once all tables are as the code expects: an operator may migrate a part only."""
    if settings.DEFAULT_CRITIC == NAME and _is_migrated(using):
        register_detectors()


def _is_migrated(using: str) -> bool:
    executor = MigrationExecutor(connections[using])
    return not executor.migration_plan(executor.loader.graph.leaf_nodes(Critic._meta.app_label))


@transaction.atomic
def activate_default(*, actor: User, campaign: Campaign, **_options: Any) -> None:
    """Let the detectors draft for a new campaign, unless its clips are simulated or the site wants no default."""
    if settings.DEFAULT_CRITIC == NAME and not campaign.is_simulated:
        set_active(actor=actor, critic=register_detectors(), campaign=campaign)


CARD = """\
# Detectors

They measure a clip on the CPU and compare the readings with fixed thresholds. They propose visual and dynamic defects
with their times, and say what was measured and by which threshold. They give no scores and never judge alignment.
"""
