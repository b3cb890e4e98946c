"""Browsers in which a person has signed in before. Their tries are counted by themselves.

Wrong tries from elsewhere make strangers wait who type the same name, but not the person at their own desk: otherwise
anybody could lock anybody out. A browser proves itself by a signed cookie, which opens nothing.
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
    """Return the answer with the cookie of this browser. Call it once `user` has proved who they are."""
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
