"""Translate database rows into arguments of the engine, and back.

The engine takes folders and clips with prompts; rows store paths that stay valid if the checkout moves.
"""

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from annotation.campaigns.taxonomy import list_offered_defects
from annotation.models import Campaign, Item
from datasets.models import Release
from modelassist.kinds.base import ClipQuestion
from modelassist.models import Critic, Run
from qsave.axes import AXES
from qsave.taxonomy import Defect

_INSIDE = "./"
"""Prefix of the stored name of a model in the checkout, so that the name never looks like a hub id."""


def shorten_model_path(name: str) -> str:
    """Return how a row stores a model: `./path` in the checkout, an absolute path elsewhere, a hub id as it is."""
    path = Path(name).expanduser()
    if not path.exists():
        return name
    path = path.resolve()
    return f"{_INSIDE}{path.relative_to(settings.BASE_DIR)}" if path.is_relative_to(settings.BASE_DIR) else str(path)


def resolve_model(stored: str) -> str:
    """Return the name that the engine loads; the inverse of `shorten_model_path`."""
    return str(settings.BASE_DIR / stored) if stored.startswith(_INSIDE) else stored


def resolve_critic(critic: Critic) -> str:
    """Return the folder or hub id that the engine loads for this critic."""
    return resolve_model(critic.model)


def release_folder(release: Release) -> Path:
    """Return the folder of a frozen release."""
    return Path(settings.RELEASE_ROOT) / release.folder


def run_folder(run: Run) -> Path:
    """Return the folder that a run writes to."""
    return Path(settings.RUN_ROOT) / run.folder


def make_questions(campaign: Campaign, items: Iterable[Item]) -> list[ClipQuestion]:
    """Return the question about each item, in order: the original video, since training also used it."""
    taxonomy = list_defects(campaign)
    return [ClipQuestion(Path(settings.MEDIA_ROOT) / item.clip.original, item.clip.prompt, taxonomy) for item in items]


def list_defects(campaign: Campaign) -> tuple[Defect, ...]:
    """Return the defects that a campaign offers, in the order of its desk."""
    return tuple(
        Defect(id=entry["id"], axis=axis, label=entry["label"])
        for axis in AXES
        for entry in list_offered_defects(campaign.taxonomy, axis)
    )
