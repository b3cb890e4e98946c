"""The responses to errors outside of views: 503 while the database is busy, JSON below /api/, else the error pages.

`config.middleware.BusyDatabaseMiddleware` handles the errors of views. These handlers get the errors around them: in
middleware, while saving the session, while rendering the page of another error.
"""

import sys

from django.conf import settings
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views import defaults

from config.middleware import answer_busy
from operations.database import is_busy


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 503 if the session could not be saved because the database is busy; Django takes it for a deleted one."""
    update = exception.__context__ if isinstance(exception, SessionInterrupted) else None
    cause = update.__context__ if update else None
    text = _("That request could not be read.")
    if isinstance(exception, TooManyFilesSent):
        text = _("One upload can have at most %(most)s files. Send a zip, or several uploads.") % {
            "most": settings.DATA_UPLOAD_MAX_NUMBER_FILES
        }
    elif isinstance(exception, RequestDataTooBig):
        text = _("The fields of one request can have at most %(most)s MB.") % {
            "most": settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024**2
        }
    elif isinstance(exception, BadRequest) and str(exception):
        text = str(exception)
    return _answer_busy(request, cause) or _answer_api(request, 400, text) or _render_bad_request(request, text)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    text = _("There is nothing at this address.")
    return _answer_api(request, 404, text) or defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    text = _("The site has failed at this request. The person who runs it finds the reason in its log.")
    busy = _answer_busy(request, sys.exc_info()[1])
    return busy or _answer_api(request, 500, text) or defaults.server_error(request)


def _answer_api(request: HttpRequest, status: int, text: str) -> HttpResponse | None:
    """Return the error as JSON to a program; None for a page."""
    return JsonResponse({"detail": text}, status=status) if request.path_info.startswith("/api/") else None


def _render_bad_request(request: HttpRequest, text: str) -> HttpResponse:
    return render(request, "400.html", {"text": text}, status=400)


def _answer_busy(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    if error is None or not is_busy(error):
        return None
    return answer_busy(request, error, _("The site is busy. Try again in a moment."))
