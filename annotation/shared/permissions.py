"""The role a write asks for, checked where the write is: pages, API and commands cannot forget it."""

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from accounts.models import Role, User
from qsave.words import isolate


def require(actor: User, role: Role) -> None:
    """Raises PermissionDenied, naming the role, when `actor` holds a lower one."""
    if not actor.has_role(role):
        raise PermissionDenied(
            _("This needs the role %(role)s; %(name)s does not hold it.")
            % {"role": role.label.lower(), "name": isolate(actor.username)}
        )
