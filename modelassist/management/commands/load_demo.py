"""Load a demo into an empty database: users, a campaign of toy clips with simulated ratings, the starter critic."""

import secrets
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import Role, User
from accounts.services import create_user
from annotation.campaigns.campaigns import create_campaign, set_state
from annotation.intake.clips import import_manifest
from annotation.models import Campaign
from annotation.models.campaigns import new_salt
from annotation.rating.drafts import set_active_critic
from modelassist.engine.models.folder import ModelError
from modelassist.services import simulation
from modelassist.services.critics import activate
from modelassist.services.guidelines import GUIDELINES
from modelassist.services.starter import register_starter
from operations import demo_sign_ins

CLIPS = 108
"""36 prompts, each by three of four generators: enough to show every figure of agreement."""
SEED = 5
RATERS = 8
OVERLAP = 5
RATINGS_PER_CLIP = 4
"""Ratings by simulated raters of each clip, out of five: one is left for the visitor of the demo."""
REPEAT_SHARE = 0.05
GOLDS = 6
FIXED_SALT = "0" * 64
"""The salt during simulated rating, so that every demo has the same ratings; then the campaign gets a secret salt."""


class Command(BaseCommand):
    """Loads the demo; refuses if the database has users already, so that it never mixes with real work."""

    help = "Load the demo into an empty database: three sign-ins, a simulated campaign, a critic that drafts."

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.exists():
            raise CommandError("This database has users already; the demo can be loaded into an empty one only.")
        with tempfile.TemporaryDirectory(prefix="qsave-demo-") as folder:
            self.stdout.write(f"Demo: rendering {CLIPS} toy clips ...")
            manifest = simulation.render_manifest(Path(folder), seed=SEED, indices=range(CLIPS))
            with transaction.atomic():
                self._load(manifest)
        self.stdout.write(f"Demo: the sign-ins are stored in {settings.VAR_DIR}; `make run` prints them")

    def _load(self, manifest: Path) -> None:
        """Write all rows in one transaction: an interrupted demo is loaded again at the next start."""
        engineer = _create_users()
        campaign = _create_campaign(engineer)
        report = import_manifest(actor=engineer, campaign=campaign, manifest=manifest, simulated=True)
        rated = _rate(engineer, campaign)
        self.stdout.write(f"Demo: {report.added} clips, {rated} ratings by {RATERS} simulated raters")
        try:
            starter = register_starter(actor=engineer)
        except ModelError as reason:
            self.stdout.write(f"Demo: no critic drafts, because the starter cannot be loaded: {reason}")
            return
        activate(actor=engineer, critic=starter, campaign=campaign)
        self.stdout.write(f"Demo: {starter} drafts")


def _create_users() -> User:
    """Create the three sign-ins, each with a random password; returns the engineer."""
    sign_ins = [demo_sign_ins.SignIn(role.value, secrets.token_urlsafe(12), role.value) for role in reversed(Role)]
    users = {
        sign_in.role: create_user(
            actor=None, username=sign_in.username, password=sign_in.password, role=Role(sign_in.role)
        )
        for sign_in in sign_ins
    }
    demo_sign_ins.store_sign_ins(sign_ins[::-1])
    return users[Role.ENGINEER]


def _create_campaign(engineer: User) -> Campaign:
    campaign = create_campaign(
        actor=engineer,
        name="demo",
        title="Demo: toy clips (simulated)",
        seed=SEED,
        overlap=OVERLAP,
        repeat_share=REPEAT_SHARE,
        guidelines=GUIDELINES,
        is_simulated=True,
    )
    return set_state(actor=engineer, campaign=campaign, state=Campaign.State.OPEN)


def _rate(engineer: User, campaign: Campaign) -> int:
    """Let simulated raters rate, with drafts of a simulated critic; returns how many ratings they gave."""
    simulation.mark_golds(actor=engineer, campaign=campaign, count=GOLDS)
    simulation.draft_all(campaign=campaign, seed=SEED)
    people = simulation.make_people(actor=engineer, count=RATERS, seed=SEED)
    _set_salt(campaign, FIXED_SALT)
    rated = simulation.rate(campaign=campaign, people=people, limit=CLIPS * RATINGS_PER_CLIP)
    _set_salt(campaign, new_salt())
    set_active_critic(campaign, "")
    return rated


def _set_salt(campaign: Campaign, salt: str) -> None:
    campaign.salt = salt
    campaign.save(update_fields=["salt"])
