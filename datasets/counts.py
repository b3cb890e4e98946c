"""What a release holds and leaves out, as lines of its page."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

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
    """Yield label and number of each count of a manifest; its page shows the rows beside their files."""
    for split, number in counts["clips"].items():
        yield _("Clips in %(split)s") % {"split": split}, number
    for generator, number in counts["generators"].items():
        yield _("Clips by %(generator)s") % {"generator": isolate(generator)}, number
    for name, label in TOTALS.items():
        yield str(label), counts[name]
    for part, reasons in counts["left_out"].items():
        for reason, number in reasons.items():
            yield _("Left out of %(part)s: %(reason)s") % {"part": part, "reason": isolate(reason)}, number
