"""Signing in and out."""

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import throttle
from accounts.access import public
from accounts.addresses import find_client_address
from accounts.forms import SignInForm
from accounts.known_browsers import find_known_browser, remember_browser
from accounts.models import User
from accounts.services import has_people
from accounts.throttle import KNOWN_BROWSER, SIGN_IN

REFUSED = _("The name or the password is wrong, or the account is deactivated. Check both, or ask a lead.")
WAIT = _("Too many attempts. Wait 15 minutes, or ask a lead for a reset link.")


@public(reason="this is where strangers say who they are")
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Ask for name and password, then continue to the page that the person came for."""
    target = _find_target(request)
    if request.user.is_authenticated:
        return redirect(target)
    if not has_people():
        return render(request, "accounts/first_person.html")
    form = SignInForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        user, status, error = _authenticate(request, form.cleaned_data["username"], form.cleaned_data["password"])
        if user is not None:
            return remember_browser(redirect(target), user)
        form.add_error(None, error)
    return render(request, "accounts/sign_in.html", {"form": form, "next": target}, status=status)


def _authenticate(request: HttpRequest, username: str, password: str) -> tuple[User | None, int, str]:
    """Return the user who has signed in, or the status with its message: 403 refused, 429 too many attempts."""
    browser = find_known_browser(request, username)
    attempt = (browser, None, KNOWN_BROWSER) if browser else (username, find_client_address(request), SIGN_IN)
    if not throttle.admit(*attempt):
        return None, 429, str(WAIT)
    user = authenticate(request, username=username, password=password)
    if not isinstance(user, User):
        return None, 403, str(REFUSED)
    throttle.forget(*attempt)
    login(request, user)
    return user, 200, ""


def _find_target(request: HttpRequest) -> str:
    """Return the address to open after signing in: `next` if it is on this site, else the home page."""
    home = resolve_url("home")
    target = request.POST.get("next") or request.GET.get("next") or home
    is_own = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if is_own else home


@public(reason="signing out twice does no harm")
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("sign-in")
