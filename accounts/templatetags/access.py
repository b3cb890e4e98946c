"""What a template may ask about the person in front of it."""

from django import template

from accounts.models import Role, User

register = template.Library()


@register.filter
def may(user: object, role: str) -> bool:
    """`{% if user|may:"lead" %}`: whether a person holds that role or a higher one; False for strangers."""
    return isinstance(user, User) and user.has_role(Role(role))
