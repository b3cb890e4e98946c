"""Limit how often a stranger may try something: to guess a password, or to begin as a panel's guest.

Tries are counted by name, by address, and by both together. Each action has its own count, so that many
guests who begin at one address do not stop others there from signing in. The limit of sign-ins by name alone is
generous, and browsers that the person has used before have their own count (`accounts.known_browsers`), so that a
stranger elsewhere cannot lock a person out.

Each try is stored before the tries are counted. If several come at once, the last one stored counts all of them, so the
limit holds without a lock. Call `admit` outside of a transaction: other processes would not see a try inside it.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import NAME_LENGTH, SignInAttempt
from accounts.names import fold_name

WINDOW = timedelta(minutes=15)
MOST_DROPPED = 1000


@dataclass(frozen=True, slots=True)
class Limits:
    """How many tries of one action the window allows; None allows any number."""

    action: str
    by_name_and_address: int
    by_name: int
    by_address: int | None


SIGN_IN = Limits("sign-in", by_name_and_address=5, by_name=30, by_address=60)
KNOWN_BROWSER = Limits("known-browser", by_name_and_address=10, by_name=10, by_address=None)


def admit(name: str, address: str | None, limits: Limits = SIGN_IN) -> bool:
    """Count a try, and return whether it is within the limits. A try beyond them is not counted."""
    _drop_old()
    attempt = SignInAttempt.objects.create(username=_make_key(name), address=address, deed=limits.action)
    if _is_over(attempt, limits):
        attempt.delete()
        return False
    return True


def forget(name: str, address: str | None, limits: Limits = SIGN_IN) -> None:
    """Delete the tries of a person who succeeded, the last one included."""
    SignInAttempt.objects.filter(username=_make_key(name), address=address, deed=limits.action).delete()


def _is_over(attempt: SignInAttempt, limits: Limits) -> bool:
    recent = SignInAttempt.objects.filter(at__gt=timezone.now() - WINDOW, deed=limits.action)
    by_name, by_address = Q(username=attempt.username), Q(address=attempt.address)
    counts = (
        (by_name & by_address, limits.by_name_and_address),
        (by_name, limits.by_name),
        (by_address, limits.by_address),
    )
    return any(limit is not None and recent.filter(condition).count() > limit for condition, limit in counts)


def _drop_old() -> None:
    """Delete tries that no longer count, without waiting for another process that deletes the same ones."""
    old = SignInAttempt.objects.filter(at__lte=timezone.now() - WINDOW)
    if not old.exists():
        return
    with transaction.atomic():
        free = old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:MOST_DROPPED]
        SignInAttempt.objects.filter(pk__in=list(free)).delete()


def _make_key(name: str) -> str:
    return fold_name(name)[:NAME_LENGTH]
