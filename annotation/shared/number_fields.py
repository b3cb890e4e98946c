"""Number fields of forms: their bounds, and one sentence that says what to enter."""

from typing import Any

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

LARGEST_INTEGER = 2**31 - 1
"""The largest number that an integer column of the database holds."""


def describe_range(low: float, high: float, *, is_whole: bool = True) -> str | Promise:
    """Say which numbers a field takes."""
    words = _("Enter a whole number from {low} to {high}.") if is_whole else _("Enter a number from {low} to {high}.")
    return format_lazy(words, low=f"{low:.12g}", high=f"{high:.12g}")


def limit_number(low: float, high: float, *, is_whole: bool = True) -> dict[str, Any]:
    """Return the arguments that give a number field its bounds, and the same sentence for every wrong value."""
    problem = describe_range(low, high, is_whole=is_whole)
    errors = dict.fromkeys(("required", "invalid", "min_value", "max_value"), problem)
    return {"min_value": low, "max_value": high, "error_messages": errors}
