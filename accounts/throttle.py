"""Slows down guessing of passwords: failed sign-ins are counted by name, by address, and by both together.

The count by name alone is generous, so that a stranger elsewhere cannot easily lock a person out.
"""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from accounts.models import SignInAttempt

WINDOW = timedelta(minutes=15)
MOST_BY_NAME_AND_ADDRESS = 5
MOST_BY_NAME = 30
MOST_BY_ADDRESS = 60


def too_many(username: str, address: str | None) -> bool:
    """Whether the next try has to wait. Costs at most three look-ups by index."""
    recent = SignInAttempt.objects.filter(at__gt=timezone.now() - WINDOW)
    by_name, by_address = Q(username=_key(username)), Q(address=address)
    limits = (
        (by_name & by_address, MOST_BY_NAME_AND_ADDRESS),
        (by_name, MOST_BY_NAME),
        (by_address, MOST_BY_ADDRESS),
    )
    return any(recent.filter(which).count() >= most for which, most in limits)


def note_failure(username: str, address: str | None) -> None:
    """Counts a failed try, and drops the tries that no longer count."""
    SignInAttempt.objects.filter(at__lte=timezone.now() - WINDOW).delete()
    SignInAttempt.objects.create(username=_key(username), address=address)


def forget(username: str, address: str | None) -> None:
    """A success clears what the same person mistyped before it."""
    SignInAttempt.objects.filter(username=_key(username), address=address).delete()


def _key(username: str) -> str:
    return username.strip().lower()[:80]
