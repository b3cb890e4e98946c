"""Pages and answers about the site itself."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from accounts.access import public


@public(reason="A load balancer asks it without an account; it tells only whether the site works.")
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while this process reaches its database, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "no database"}, status=503)
    return JsonResponse({"status": "ok"})
