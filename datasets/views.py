"""The engineer's pages of releases."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from datasets.models import Release

NEWEST = 100


@role_required(Role.ENGINEER)
@require_safe
def releases(request: AuthedRequest) -> HttpResponse:
    """All releases, newest first."""
    rows = Release.objects.select_related("campaign", "job", "created_by")[:NEWEST]
    return render(request, "datasets/releases.html", {"releases": rows})


@role_required(Role.ENGINEER)
@require_safe
def release(request: AuthedRequest, number: int) -> HttpResponse:
    """One release: what is in it, its hash, its manifest, and how to get it."""
    found = get_object_or_404(Release.objects.select_related("campaign", "job", "created_by", "parent"), number=number)
    return render(request, "datasets/release.html", {"release": found})
