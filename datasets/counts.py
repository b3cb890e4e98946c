"""What a release holds and leaves out, as lines of its page."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from qsave.splits import SPLITS
from qsave.words import isolate

TOTALS = {
    "raters": gettext_lazy("Raters"),
    "ratings": gettext_lazy("Ratings"),
    "ratings_counted": gettext_lazy("Ratings that count"),
    "ratings_counted_simulated": gettext_lazy("Simulated ratings that count"),
    "clips_simulated": gettext_lazy("Simulated clips"),
    "excluded": gettext_lazy("Left out in total"),
}
"""Labels of the counts in a manifest that are one number."""


def describe_counts(counts: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield label and number of each count of a manifest except `rows` and `left_out`, which the page lists."""
    for split in SPLITS:
        yield _("Clips in %(split)s") % {"split": split}, counts["clips"][split]
    for generator, number in counts["generators"].items():
        yield _("Clips by %(generator)s") % {"generator": isolate(generator)}, number
    for name, label in TOTALS.items():
        yield str(label), counts[name]
    for split, number in counts.get("excluded_held_out", {}).items():
        yield _("Clips of %(split)s that a lead excluded") % {"split": split}, number


def list_left_out(counts: Mapping[str, Any]) -> list[tuple[int, str, str]]:
    """Return how many clips were left out, of which part of the release, and why."""
    return [
        (number, part, reason) for part, reasons in counts["left_out"].items() for reason, number in reasons.items()
    ]
