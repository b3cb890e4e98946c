"""Pages and answers about the site itself."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.access import AuthedRequest, public, signed_in
from accounts.models import Role
from operations.models import Job


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


@signed_in
@never_cache
@require_safe
def job(request: AuthedRequest, pk: UUID) -> HttpResponse:
    """How far a job is, as the part of a page that asks for itself again. Its asker and leads may look."""
    found = get_object_or_404(Job, pk=pk)
    if found.created_by_id != request.user.pk and not request.user.has_role(Role.LEAD):
        raise PermissionDenied(_("A job is shown to the person who asked for it, and to leads."))
    return render(request, "operations/_job.html", {"job": found})
