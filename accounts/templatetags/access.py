"""Template filters about the signed-in person."""

from django import template

from accounts.models import Role, User

register = template.Library()


@register.filter
def may(user: object, role: str) -> bool:
    """Return whether a person has that role or a higher one (`{% if user|may:"lead" %}`); False for strangers."""
    return isinstance(user, User) and user.has_role(Role(role))
