"""Slows down guessing of passwords, and what else a stranger may try again and again.

Tries are counted by name, by address, and by both together; each deed has a count of its own, so that a class that
begins with a panel keeps nobody at the same address from signing in. The count of sign-ins by name alone is generous,
so that a stranger elsewhere cannot easily lock a person out.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from accounts.models import SignInAttempt
from accounts.names import fold_name

WINDOW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many tries of one deed fit into the window."""

    deed: str
    by_name_and_address: int
    by_name: int
    by_address: int


SIGN_IN = Limits("sign-in", by_name_and_address=5, by_name=30, by_address=60)


def too_many(username: str, address: str | None, limits: Limits = SIGN_IN) -> bool:
    """Whether the next try has to wait. Costs at most three look-ups by index."""
    recent = SignInAttempt.objects.filter(at__gt=timezone.now() - WINDOW, deed=limits.deed)
    by_name, by_address = Q(username=_key(username)), Q(address=address)
    counts = (
        (by_name & by_address, limits.by_name_and_address),
        (by_name, limits.by_name),
        (by_address, limits.by_address),
    )
    return any(recent.filter(which).count() >= most for which, most in counts)


def note_failure(username: str, address: str | None, limits: Limits = SIGN_IN) -> None:
    """Counts a try, and drops the tries that no longer count."""
    SignInAttempt.objects.filter(at__lte=timezone.now() - WINDOW).delete()
    SignInAttempt.objects.create(username=_key(username), address=address, deed=limits.deed)


def forget(username: str, address: str | None) -> None:
    """A success clears what the same person mistyped before it."""
    SignInAttempt.objects.filter(username=_key(username), address=address, deed=SIGN_IN.deed).delete()


def _key(username: str) -> str:
    return fold_name(username)[:80]
