"""Authentication of scripts by token, and the permission that API views declare."""

from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import ApiToken, Role, User
from accounts.tokens import hash_secret

if TYPE_CHECKING:  # the settings name this module, and REST framework's views read them while they load
    from rest_framework.views import APIView

SCHEME = "Bearer"
USED_EVERY_SECONDS = 60


class BoundedJSONParser(JSONParser):
    """Answers JSON that is nested too deeply with 400, like any other invalid JSON."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError(_("This JSON is nested too deeply.")) from None


class TokenAuthentication(BaseAuthentication):
    """Reads `Authorization: Bearer <token>`. A wrong or revoked token, or one of a deactivated account, is 401."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != SCHEME.lower().encode():
            return None
        if len(parts) != 2:
            raise AuthenticationFailed(_("Write the header as: Authorization: Bearer <token>."))
        token = _find_token(parts[1].decode("ascii", "replace"))
        if token is None:
            raise AuthenticationFailed(_("This token is unknown or revoked. Make a new one on your account page."))
        _record_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


def _find_token(secret: str) -> ApiToken | None:
    tokens = ApiToken.objects.filter(token_hash=hash_secret(secret), revoked_at=None, user__is_active=True)
    return tokens.select_related("user").first()


def _record_use(token: ApiToken) -> None:
    """Store `last_used_at`, at most once a minute: a busy script must not cause a write at every call."""
    now = timezone.now()
    if token.last_used_at is None or (now - token.last_used_at).total_seconds() > USED_EVERY_SECONDS:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


class HasRole(BasePermission):
    """Reads `required_role` of the view: a Role, or a mapping from method to Role. Without one, nobody may use it.

    The guests of a panel may not use the API.
    """

    message = gettext_lazy("Your role does not allow this.")

    def has_permission(self, request: Request, view: "APIView") -> bool:
        required: Role | Mapping[str, Role] | None = getattr(view, "required_role", None)
        role = required.get(request.method or "") if isinstance(required, Mapping) else required
        user = request.user
        return role is not None and isinstance(user, User) and not user.is_guest and user.has_role(role)
