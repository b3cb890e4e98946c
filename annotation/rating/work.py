"""The work on a rating: its seconds and how the clip was watched, over all its revisions.

Each revision has its own record, and this module alone defines how they are merged: seconds and counts are summed, the
watched share and the longest position are the maximum, a flag is true if any revision has it true, speeds are listed
once each, and all else (window, pixel ratio, rendition) is taken from the first revision.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet, Sum

from annotation.models import RatingRevision

WATCHED = "watched_share"
"""Key of a viewing record: the share of the clip that was played, 0..1."""
SUMMED = frozenset({"plays", "stalls", "stalled_seconds", "hidden_seconds", "total_frames", "dropped_frames"})
LARGEST = frozenset({WATCHED, "longest_position"})
HAPPENED = frozenset({"watched_to_end", "fullscreen"})
UNITED = frozenset({"speeds"})
SECONDS = Sum("revisions__seconds_spent")
"""The seconds of a rating, to annotate ratings with."""


@dataclass(frozen=True, slots=True)
class Work:
    """The seconds of a rating, and its merged viewing record."""

    rater: int
    seconds: float = 0.0
    viewing: Mapping[str, Any] = field(default_factory=dict)


def read_work(revisions: QuerySet[RatingRevision]) -> dict[int, Work]:
    """Return the work on each rating, by the rating's key. One query. Pass all revisions of a rating."""
    rows = revisions.order_by("rating", "number").values_list("rating", "rating__rater", "seconds_spent", "viewing")
    raters: dict[int, int] = {}
    seconds: dict[int, float] = defaultdict(float)
    viewings: dict[int, list[Any]] = defaultdict(list)
    for rating, rater, spent, viewing in rows.iterator(chunk_size=2000):
        raters[rating] = rater
        seconds[rating] += spent
        viewings[rating].append(viewing)
    return {pk: Work(rater, seconds[pk], merge_viewings(viewings[pk])) for pk, rater in raters.items()}


def merge_viewings(viewings: Iterable[Any]) -> dict[str, Any]:
    """Merge viewing records, oldest first. A value of another type than expected is ignored."""
    merged: dict[str, Any] = {}
    for viewing in viewings:
        for name, value in viewing.items() if isinstance(viewing, dict) else ():
            merged[name] = _merge(name, merged[name], value) if name in merged else value
    return merged


def _merge(name: str, first: Any, later: Any) -> Any:
    if name in HAPPENED:
        return first is True or later is True
    if name in SUMMED | LARGEST:
        numbers = [value for value in (first, later) if _is_number(value)]
        return (sum(numbers) if name in SUMMED else max(numbers)) if numbers else first
    if name in UNITED and isinstance(first, list) and isinstance(later, list):
        return [*first, *(value for value in later if value not in first)]
    return first


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
