"""Check the role that a write needs. The write calls it itself, so that no page, API view or command can forget it."""

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from accounts.models import Role, User
from qsave.words import isolate


def require_role(actor: User, role: Role) -> None:
    """Raise PermissionDenied, naming the role, if `actor` has a lower one."""
    if not actor.has_role(role):
        raise PermissionDenied(
            _("This needs the role %(role)s, which %(name)s does not have.")
            % {"role": role.label.lower(), "name": isolate(actor.username)}
        )
