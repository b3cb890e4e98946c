"""Who may open which page: every view declares it, by one of these decorators or as a DRF permission (`accounts.api`).

Each decorator sets `view.access`, so that one test can walk all addresses and fail on a view that declares nothing. A
view names the lowest role that may open it; the order of roles is annotator, lead, engineer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import Resolver404, get_script_prefix, resolve
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from accounts.models import Role, User

P = ParamSpec("P")


class AuthedRequest(HttpRequest):
    """A request that has passed `role_required`: its user is a `User`."""

    user: User
    htmx: HtmxDetails


@dataclass(frozen=True, slots=True)
class Access:
    """The lowest role that may open a view. None means that it is open to all; `reason` then says why."""

    role: Role | None
    reason: str = ""


def may_open(role: Role, url: str) -> bool:
    """Return whether the page at an address of this site is for people with `role`, as far as the role decides."""
    try:
        access = getattr(resolve("/" + url.removeprefix(get_script_prefix())).func, "access", None)
    except Resolver404:
        return False
    return isinstance(access, Access) and (access.role is None or role.rank >= access.role.rank)


View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
AuthedView = Callable[Concatenate[AuthedRequest, P], HttpResponseBase]


def _ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Send a person to sign in; tell a script, which has a token, where it can use it."""
    if "Authorization" in request.headers:
        detail = _("Tokens do not open pages. Scripts use the addresses below /api/; /api/schema/ lists them.")
        return JsonResponse({"detail": detail}, status=401, headers={"WWW-Authenticate": "Bearer"})
    sign_in = resolve_url("sign-in")
    if request.headers.get("HX-Request") == "true":
        return HttpResponseClientRedirect(sign_in)
    target = request.get_full_path() if request.method == "GET" else resolve_url("home")
    return redirect_to_login(target, sign_in)


def role_required(role: Role) -> Callable[[AuthedView[P]], View[P]]:
    """Let in people with `role` or a higher one. Ask strangers to sign in, and answer 403 to the others."""

    def decorate(view: AuthedView[P]) -> View[P]:
        @wraps(view)
        def check_role(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not isinstance(request.user, User):
                return _ask_to_sign_in(request)
            if not request.user.has_role(role):
                raise PermissionDenied(
                    _("This page is for people with the role %(role)s or above.") % {"role": role.label.lower()}
                )
            return view(cast(AuthedRequest, request), *args, **kwargs)

        check_role.access = Access(role)  # type: ignore[attr-defined]  # a function attribute, which typing cannot express
        return check_role

    return decorate


def signed_in(view: AuthedView[P]) -> View[P]:
    """Let in everybody who has an account."""
    return role_required(Role.ANNOTATOR)(view)


def colleagues_only(view: AuthedView[P]) -> View[P]:
    """Let in everybody who signs in with a password: not the guests of a panel, who have none."""

    @wraps(view)
    def refuse_guests(request: AuthedRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.user.is_guest:
            raise PermissionDenied(_("Guests of a panel cannot open this page."))
        return view(request, *args, **kwargs)

    return signed_in(refuse_guests)


def public(*, reason: str) -> Callable[[View[P]], View[P]]:
    """Mark a view as open to strangers, with the reason why it may be."""

    def decorate(view: View[P]) -> View[P]:
        view.access = Access(None, reason)  # type: ignore[attr-defined]  # as above
        return view

    return decorate
