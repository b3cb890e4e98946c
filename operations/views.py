"""The health check, and the progress of a job."""

from uuid import UUID

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.access import AuthedRequest, public, signed_in
from operations.jobs import list_visible_jobs


@public(reason="A load balancer checks it without an account; it tells only whether the site works.")
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if this process reaches its database, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "no database"}, status=503)
    return JsonResponse({"status": "ok"})


@signed_in
@never_cache
@require_safe
def job(request: AuthedRequest, pk: UUID) -> HttpResponse:
    """Show the progress of a job, as a partial that reloads itself."""
    row = get_object_or_404(list_visible_jobs(request.user), pk=pk)
    return render(request, "operations/_job.html", {"job": row})
