"""Group the rows that an import refused, or remarked on, by their reason."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, F, Min, QuerySet, TextField, Value, When
from django.db.models.functions import StrIndex, Substr

MOST_REASONS = 20
MOST_NUMBERS = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """A reason that rows share: how many have it, and the numbers of the first of them."""

    reason: str
    count: int
    numbers: list[int]

    @property
    def more(self) -> int:
        return self.count - len(self.numbers)


def list_faults(rows: QuerySet[Any], *, text: str = "reason", most_numbers: int = MOST_NUMBERS) -> list[Fault]:
    """Return the most frequent reasons of rows, the most frequent one first. The reason is in the field `text`.

    Texts in quotes at the end of a reason make no difference, and are left out where several rows have the reason.
    """
    quoted = rows.annotate(quote=StrIndex(text, Value(" '")))
    before_quote = Substr(text, 1, F("quote") - 1)
    kinds = quoted.annotate(kind=Case(When(quote=0, then=F(text)), default=before_quote, output_field=TextField()))
    groups = kinds.order_by().values("kind").annotate(count=Count("pk"), first=Min("number"), whole=Min(text))
    return [
        Fault(
            group["whole"] if group["count"] == 1 else _end_sentence(group["kind"]),
            group["count"],
            list(kinds.filter(kind=group["kind"]).order_by("number").values_list("number", flat=True)[:most_numbers]),
        )
        for group in groups.order_by("-count", "first")[:MOST_REASONS]
    ]


def _end_sentence(kind: str) -> str:
    return kind if kind.endswith(".") else f"{kind.rstrip(':,')}."
