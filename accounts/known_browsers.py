"""Browsers in which a person has signed in before. Their failed sign-ins have a count of their own.

After too many wrong tries for a name, strangers wait, but the person in their own browser does not: otherwise anybody
could lock anybody out. A signed cookie identifies the browser; it gives no access.
"""

import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from accounts.models import User

COOKIE = "known-browser"
SALT = "accounts.known_browsers"
LIFE_SECONDS = 365 * 24 * 3600


def remember_browser(response: HttpResponse, user: User) -> HttpResponse:
    """Return the response with the cookie of this browser. Call it once `user` has proved who they are."""
    value = signing.dumps({"user": user.pk, "browser": secrets.token_hex(8)}, salt=SALT)
    response.set_cookie(
        COOKIE,
        value,
        max_age=LIFE_SECONDS,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def find_known_browser(request: HttpRequest, username: str) -> str:
    """Return a name for this browser if the person has signed in with it before, else an empty text."""
    try:
        signed = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=LIFE_SECONDS)
    except signing.BadSignature:
        return ""
    known = User.objects.named(username).filter(pk=signed["user"]).exists()
    return f"{signed['user']} {signed['browser']}" if known else ""
