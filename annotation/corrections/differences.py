"""Compare a clip with a row of a manifest that names it.

An empty cell says nothing, so it is no difference: a re-import removes no value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.corrections.details import format_seed
from annotation.intake.manifests import Row
from annotation.models import Clip, Item
from qsave.words import isolate

LONGEST_VALUE = 120
OTHER_VIDEO = "other"
"""In place of the hash of a video of which only the size was compared, and differs."""
_SENTENCES = {
    "prompt": gettext_lazy("Prompt: %(before)s → %(after)s."),
    "generator": gettext_lazy("Generator: %(before)s → %(after)s."),
    "seed": gettext_lazy("Seed: %(before)s → %(after)s."),
    "content_warning": gettext_lazy("Content warning: %(before)s → %(after)s."),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A value of a clip, by the name that `correct_clip` takes, and what the row says instead.

    Of `video`, both are hashes. Of `metadata`, `after` is all of it: the clip's, with the row's in it.
    """

    name: str
    before: Any
    after: Any


def find_differences(clip: Clip, row: Row, *, sha256: str = "", item: Item | None = None) -> list[Difference]:
    """Return what differs. `sha256` is the hash of the row's video, if known; known scores belong to an `item`."""
    pairs: dict[str, tuple[Any, Any]] = {
        "prompt": (clip.prompt, row.prompt),
        "generator": (clip.generator, row.generator),
        "seed": (clip.seed, format_seed(row) or clip.seed),
        "content_warning": (clip.content_warning, row.content_warning or clip.content_warning),
        "metadata": (clip.metadata, {**clip.metadata, **row.metadata}),
        "video": (clip.sha256, sha256 or clip.sha256),
    }
    if item is not None:
        pairs["gold"] = (item.gold or {}, dict(row.gold) or item.gold or {})
    return [Difference(name, before, after) for name, (before, after) in pairs.items() if before != after]


def describe_differences(differences: Sequence[Difference]) -> list[str]:
    """Return a sentence for each difference."""
    return [_describe(difference) for difference in differences]


def _describe(difference: Difference) -> str:
    before, after = difference.before, difference.after
    if difference.name == "video":
        return _("The video is another file.")
    if difference.name in _SENTENCES:
        values = {"before": isolate(_shorten(before)), "after": isolate(_shorten(after))}
        return str(_SENTENCES[difference.name] % values)
    names = sorted(name for name in after if after[name] != before.get(name))
    parts = "; ".join(f"{name}: {_shorten(before.get(name))} → {_shorten(after[name])}" for name in names)
    if difference.name == "metadata":
        return _("Metadata: %(changes)s.") % {"changes": isolate(parts)}
    return _("Known scores: %(changes)s.") % {"changes": isolate(parts)}


def _shorten(value: Any) -> str:
    text = _("none") if value in (None, "") else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
