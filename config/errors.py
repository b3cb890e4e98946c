"""The responses to errors outside of views: 503 while the database is busy, else Django's own pages.

`config.middleware.BusyDatabaseMiddleware` handles the errors of views. These handlers get the errors around them: in
middleware, while saving the session, while rendering the page of another error.
"""

import sys

from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views import defaults

from config.middleware import answer_busy
from operations.database import is_busy


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 503 if the session could not be saved because the database is busy; Django takes it for a deleted one."""
    update = exception.__context__ if isinstance(exception, SessionInterrupted) else None
    cause = update.__context__ if update else None
    return _answer(request, cause) or defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    return _answer(request, sys.exc_info()[1]) or defaults.server_error(request)


def _answer(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    if error is None or not is_busy(error):
        return None
    return answer_busy(request, error, _("The site is busy. Try again in a moment."))
