"""The content security policy on every answer, and the answer while the database is busy."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from operations.database import is_busy

logger = logging.getLogger(__name__)
RETRY_SECONDS = 3

# Scripts and styles come from files of this site. Only style attributes are let through (widths of bars); htmx runs
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
    """Sets the policy unless a view chose a stricter one (media answers are sandboxed)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


class BusyDatabaseMiddleware:
    """Answers 503 with Retry-After when a lock of the database lasted too long: nothing was stored, and the same
    request may be sent again. For what happens outside of views see `config.errors`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not is_busy(error):
            return None
        words = _("The site is busy just now, and nothing was stored. Send this again in a moment.")
        return answer_busy(request, error, words)


def answer_busy(request: HttpRequest, error: BaseException, words: str) -> HttpResponse:
    """Programs and htmx get JSON, people a page, which does without the database."""
    logger.warning("503 for %s %s: %s", request.method, request.path, error)
    response: HttpResponse
    if request.path.startswith("/api/") or request.headers.get("HX-Request"):
        response = JsonResponse({"detail": words, "message": words}, status=503)
    else:
        response = HttpResponse(render_to_string("503.html", {"words": words}), status=503)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response
