"""Rows to what the engine takes, and back: the one place where tables and engine meet.

The engine knows folders, clips with prompts and report cards; tables keep paths that survive a move of the checkout.
"""

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from annotation.models import Item
from datasets.models import Release
from modelassist.models import Critic, Run

_INSIDE = "./"
"""Opens the stored name of a model that lies in the checkout: such a name never looks like a hub id."""


def stored_model(name: str) -> str:
    """How a model is kept in a row: below the checkout as `./path`, elsewhere as an absolute path, a hub id as is."""
    path = Path(name).expanduser()
    if not path.exists():
        return name
    path = path.resolve()
    return f"{_INSIDE}{path.relative_to(settings.BASE_DIR)}" if path.is_relative_to(settings.BASE_DIR) else str(path)


def model_name(stored: str) -> str:
    """The inverse of `stored_model`: what the engine is to load."""
    return str(settings.BASE_DIR / stored) if stored.startswith(_INSIDE) else stored


def model_of(critic: Critic) -> str:
    """The folder or hub id that the engine loads for this critic."""
    return model_name(critic.model)


def release_folder(release: Release) -> Path:
    """Where a frozen release lies."""
    return Path(settings.RELEASE_ROOT) / release.folder


def run_folder(run: Run) -> Path:
    """Where a run writes."""
    return Path(settings.RUN_ROOT) / run.folder


def clips_to_score(items: Iterable[Item]) -> list[tuple[Path, str]]:
    """(video, prompt) of each item, in order. The original is what training saw, so it is what is drafted from."""
    return [(Path(settings.MEDIA_ROOT) / item.clip.original, item.clip.prompt) for item in items]
