"""Who else holds clips, such as a frozen release. Higher packages know; this one asks them.

Each of them has a module `clip_holders` that registers its function. The app `annotation` loads those modules when the
site starts, and imports nothing from higher packages.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from annotation.models import Clip


@dataclass(frozen=True, slots=True)
class Holder:
    """What holds clips and stays as it is when they are withdrawn, with the address of its page."""

    name: str
    url: str


HolderLister = Callable[[Sequence[Clip]], Iterable[Holder]]
_listers: list[HolderLister] = []


def register_holder_lister(lister: HolderLister) -> HolderLister:
    _listers.append(lister)
    return lister


def list_holders(clips: Sequence[Clip]) -> list[Holder]:
    """Return what holds at least one of the clips."""
    return [holder for lister in _listers for holder in lister(clips)]
