"""Slows down guessing of passwords, and what else a stranger may try again and again.

Tries are counted by name, by address, and by both together; each deed has a count of its own, so that a class that
begins with a panel keeps nobody at the same address from signing in. The count of sign-ins by name alone is generous,
and browsers that the person has used before are counted by themselves (`accounts.known_browsers`), so that a stranger
elsewhere cannot lock a person out.

Each try is stored before the tries are counted. Of several at once, the last to be stored therefore counts all of them:
no more than the limit go on, without any lock. Call `admit` outside of a transaction, which would hide its try.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import SignInAttempt
from accounts.names import fold_name

WINDOW = timedelta(minutes=15)
MOST_DROPPED = 1000


@dataclass(frozen=True, slots=True)
class Limits:
    """How many tries of one deed fit into the window; None is without limit."""

    deed: str
    by_name_and_address: int
    by_name: int
    by_address: int | None


SIGN_IN = Limits("sign-in", by_name_and_address=5, by_name=30, by_address=60)
KNOWN_BROWSER = Limits("known-browser", by_name_and_address=10, by_name=10, by_address=None)


def admit(name: str, address: str | None, limits: Limits = SIGN_IN) -> bool:
    """Count a try, and tell whether it may go on. A try that may not is not counted."""
    _drop_old()
    own = SignInAttempt.objects.create(username=_key(name), address=address, deed=limits.deed)
    if _is_over(own, limits):
        own.delete()
        return False
    return True


def forget(name: str, address: str | None, limits: Limits = SIGN_IN) -> None:
    """Forget the tries of a person who succeeded: what they mistyped before it, and the last one."""
    SignInAttempt.objects.filter(username=_key(name), address=address, deed=limits.deed).delete()


def _is_over(own: SignInAttempt, limits: Limits) -> bool:
    recent = SignInAttempt.objects.filter(at__gt=timezone.now() - WINDOW, deed=limits.deed)
    by_name, by_address = Q(username=own.username), Q(address=own.address)
    counts = (
        (by_name & by_address, limits.by_name_and_address),
        (by_name, limits.by_name),
        (by_address, limits.by_address),
    )
    return any(most is not None and recent.filter(which).count() > most for which, most in counts)


def _drop_old() -> None:
    """Delete tries that no longer count. Another process that deletes the same ones is not waited for."""
    old = SignInAttempt.objects.filter(at__lte=timezone.now() - WINDOW)
    if not old.exists():
        return
    with transaction.atomic():
        free = old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:MOST_DROPPED]
        SignInAttempt.objects.filter(pk__in=list(free)).delete()


def _key(name: str) -> str:
    return fold_name(name)[:80]
