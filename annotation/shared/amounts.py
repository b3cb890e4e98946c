"""Amounts as people read them: numbers with grouped digits, and times in minutes or hours."""

from django.utils.formats import number_format
from django.utils.translation import ngettext

MINUTES_AN_HOUR = 60
LONGEST_IN_MINUTES = 120


def group_digits(value: int) -> str:
    return number_format(value, force_grouping=True)


def describe_minutes(minutes: int) -> str:
    """Return about how long it takes, in whole hours if it is more than LONGEST_IN_MINUTES."""
    if minutes <= LONGEST_IN_MINUTES:
        return ngettext("about %(n)s minute", "about %(n)s minutes", minutes) % {"n": minutes}
    hours = round(minutes / MINUTES_AN_HOUR)
    return ngettext("about %(n)s hour", "about %(n)s hours", hours) % {"n": group_digits(hours)}
