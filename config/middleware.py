"""The content security policy of every response, and the responses to a bad address and while the database is busy."""

import logging
from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from operations.database import is_busy

logger = logging.getLogger(__name__)
RETRY_SECONDS = 3

# Scripts and styles come from files of this site. Only style attributes are allowed (widths of bars); htmx runs
# with allowEval and includeIndicatorStyles off (templates/base.html).
POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)


class ContentSecurityPolicyMiddleware:
    """Sets the policy unless a view set a stricter one (media responses are sandboxed)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


class StorableAddressMiddleware:
    """Answers 400 to an address with the character NUL: PostgreSQL refuses to compare it with a text."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest(_("This address has a character that no text can have. Open the page from the menu."))
        return self.get_response(request)


class BusyDatabaseMiddleware:
    """Answers 503 with Retry-After if the database stayed locked for too long.

    Nothing was stored, so the client may send the same request again. `config.errors` does the same outside of views.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not is_busy(error):
            return None
        message = _("The site is busy, and nothing was stored. Try again in a moment.")
        return answer_busy(request, error, message)


def answer_busy(request: HttpRequest, error: BaseException, message: str) -> HttpResponse:
    """Return a 503: JSON for programs and htmx, for people a page that needs no database."""
    logger.warning("503 for %s %s: %s", request.method, request.path, error)
    response: HttpResponse
    if request.path.startswith("/api/") or request.headers.get("HX-Request"):
        response = JsonResponse({"detail": message, "message": message}, status=503)
    else:
        response = HttpResponse(render_to_string("503.html", {"words": message}), status=503)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response
