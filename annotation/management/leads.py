"""Find the lead for whom a command imports."""

from django.core.management.base import CommandError

from accounts.models import Role, User


def find_lead(username: str) -> User:
    """Return the lead of this name, or the first one without a name. Raises CommandError if no lead exists."""
    leads = User.objects.with_role(Role.LEAD)
    actor = (leads & User.objects.named(username)).first() if username else leads.order_by("pk").first()
    if actor is None:
        problem = f"There is no active lead named {username!r}." if username else "There is no lead yet."
        raise CommandError(f"{problem} Only a lead or an engineer can import: name one with --as.")
    return actor
