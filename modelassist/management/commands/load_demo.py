"""A demo for an empty database: people, a campaign of toy clips with simulated ratings, and the starter that drafts."""

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
"""Of the five that a clip gets: one is left for whoever tries the demo."""
REPEAT_SHARE = 0.05
GOLDS = 6
FIXED_SALT = "0" * 64
"""Simulated ratings are drawn with it, so that every demo has the same; afterwards the campaign gets a secret one."""


class Command(BaseCommand):
    """Loads the demo; refuses where there is anybody already, so that it never mixes with real work."""

    help = "Load the demo into an empty database: three sign-ins, a simulated campaign, a critic that drafts."

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.exists():
            raise CommandError("There are people in this database already: the demo goes into an empty one only.")
        with tempfile.TemporaryDirectory(prefix="qsave-demo-") as folder:
            self.stdout.write(f"Demo: rendering {CLIPS} toy clips ...")
            manifest = simulation.render_manifest(Path(folder), seed=SEED, indices=range(CLIPS))
            with transaction.atomic():
                self._load(manifest)
        self.stdout.write(f"Demo: the sign-ins are kept in {settings.VAR_DIR}; `make run` prints them")

    def _load(self, manifest: Path) -> None:
        """All rows or none: a demo that was cut off is loaded again at the next start."""
        engineer = _people()
        campaign = _campaign(engineer)
        report = import_manifest(actor=engineer, campaign=campaign, manifest=manifest, simulated=True)
        rated = _rate(engineer, campaign)
        self.stdout.write(f"Demo: {report.added} clips, {rated} ratings by {RATERS} simulated raters")
        try:
            starter = register_starter(actor=engineer)
        except ModelError as reason:
            self.stdout.write(f"Demo: nobody drafts, as there is no starter critic ({reason})")
            return
        activate(actor=engineer, critic=starter, campaign=campaign)
        self.stdout.write(f"Demo: {starter} drafts")


def _people() -> User:
    """The three sign-ins, each with a password drawn now; returns the engineer."""
    sign_ins = [demo_sign_ins.SignIn(role.value, secrets.token_urlsafe(12), role.value) for role in reversed(Role)]
    users = {
        sign_in.role: create_user(
            actor=None, username=sign_in.username, password=sign_in.password, role=Role(sign_in.role)
        )
        for sign_in in sign_ins
    }
    demo_sign_ins.store_sign_ins(sign_ins[::-1])
    return users[Role.ENGINEER]


def _campaign(engineer: User) -> Campaign:
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
    """Simulated people rate beside a simulated critic's drafts; returns how many ratings they gave."""
    simulation.mark_golds(actor=engineer, campaign=campaign, count=GOLDS)
    simulation.draft_all(campaign=campaign, seed=SEED)
    people = simulation.make_people(actor=engineer, count=RATERS, seed=SEED)
    _set_salt(campaign, FIXED_SALT)
    rated = simulation.rate(campaign=campaign, people=people, most=CLIPS * RATINGS_PER_CLIP)
    _set_salt(campaign, new_salt())
    return rated


def _set_salt(campaign: Campaign, salt: str) -> None:
    campaign.salt = salt
    campaign.save(update_fields=["salt"])
